//! The process by itself, with a manager's end of a test: what it keeps when it is killed, and what it can be told to do wrong.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use cumulo_agent_rt::{
    AgentClient, AgentLink,
    sim::{Authority, Inbox},
    submit, tls,
};
use cumulo_proto::{AgentCommand, kvm};
use cumulo_sim_hosts::{
    Hosts, Network,
    control::{Deployment, Execution, Kind, Order, Passage},
};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::DropGuard;

const HOST: &str = "d0000000000000000000000000000001";
const DISK: &str = "/ps/disk";
/// Longest wait for what is to happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing is heard of what says nothing.
const SILENCE: Duration = Duration::from_millis(300);

/// A host, and a manager that it knows.
struct Stage {
    hosts: Hosts,
    network: Network,
    authority: Authority,
    inbox: Arc<Inbox>,
    link: Arc<AgentClient>,
    _serving: DropGuard,
    // Dropped last: the process has its folder in it.
    _dir: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let (dir, network) = (tempfile::tempdir().expect("a folder"), Network::any());
        let program = Path::new(env!("CARGO_BIN_EXE_cumulo-sim-hosts"));
        let hosts = Hosts::start(program, dir.path(), &[]).await.expect("it starts");
        let authority = Authority::new().expect("an authority");
        let manager = authority.issue(tls::MANAGER_NAME).expect("issued").identity().expect("a certificate");
        let inbox = Arc::new(Inbox::default());
        let callback = tls::callback_server(&manager).expect("usable");
        let serving = inbox.serve(SocketAddr::new(network.address(1), 0), callback).await.expect("served");
        let (_, client) = watch::channel(tls::client(&manager).expect("usable"));
        let address = SocketAddr::new(network.address(11), 7070);
        let link = AgentClient::new(&address.to_string(), client, HOST).expect("an address");
        let stage = Self { hosts, network, authority, inbox, link: Arc::new(link), _serving: serving, _dir: dir };
        stage.deploy().await;
        stage.call(kvm::Connect { header: None, host_uuid: HOST.into() }).await;
        stage.call(kvm::InitLocalStorage { header: None, path: "/ps".into() }).await;
        stage
    }

    /// Deploys the host's agent with a new certificate.
    async fn deploy(&self) {
        let issued = self.authority.issue(&tls::agent_name(HOST)).expect("issued");
        let deployment = Deployment {
            kind: Kind::KvmAgent,
            agent: HOST.to_owned(),
            address: SocketAddr::new(self.network.address(11), 7070),
            ca: issued.ca,
            certificate: issued.cert,
            key: issued.key,
        };
        self.hosts.control().deploy(&deployment).await.expect("deployed");
    }

    async fn call<C: AgentCommand>(&self, command: C) -> C::Reply {
        self.inbox.call(&*self.link, command).await.expect("done")
    }

    /// Asks for a disk as `task`.
    async fn ask_for_disk(&self, task: &str) {
        let header = Some(self.inbox.header(task));
        let (path, format) = (DISK.to_owned(), "qcow2".to_owned());
        let command = kvm::CreateEmptyVolume { header, path, format, virtual_size: 1 << 30, ..Default::default() };
        submit(&*self.link, &command).await.expect("accepted");
    }

    async fn order(&self, order: Order) {
        self.hosts.control().order(&order).await.expect("ordered");
    }

    async fn executions(&self, task: &str) -> Vec<Execution> {
        let mut all = self.hosts.control().executions().await.expect("answered");
        all.retain(|execution| execution.task == task);
        all
    }

    /// Waits until the outcome of `task` was told.
    async fn told(&self, task: &str) {
        let since = Instant::now();
        while !self.executions(task).await.iter().any(|execution| execution.is_told) {
            assert!(since.elapsed() < PATIENCE, "{task} is not told within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn what_was_done_is_there_after_the_process_was_killed_and_is_not_done_again() {
    let mut stage = Stage::set().await;
    stage.ask_for_disk("t1").await;
    stage.inbox.wait_outcomes("t1", 1).await.expect("an outcome");
    let before = stage.hosts.control().machines().await.expect("answered");
    assert_eq!(before[0].files[0].path, Path::new(DISK));
    stage.hosts.kill().await.expect("killed");
    stage.hosts.start_again().await.expect("started");
    let after = stage.hosts.control().machines().await.expect("answered");
    assert_eq!((&after[0].files, &after[0].agent), (&before[0].files, &before[0].agent));
    stage.ask_for_disk("t1").await;
    let outcomes = stage.inbox.wait_outcomes("t1", 2).await.expect("it is told again");
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(stage.executions("t1").await.len(), 1);
    // Another certificate, and it goes on.
    stage.deploy().await;
    assert_eq!(stage.call(kvm::ListVms { header: None }).await.vms, []);
    stage.ask_for_disk("t2").await;
    stage.told("t2").await;
    assert_eq!(stage.executions("t2").await[0].life, 2);
}

#[tokio::test]
async fn outcomes_are_lost_and_doubled_as_ordered() {
    let stage = Stage::set().await;
    stage.order(Order::LoseReplies { count: 1 }).await;
    stage.ask_for_disk("t1").await;
    stage.told("t1").await;
    // The agent believes that it arrived; who asks again is told, and only then.
    stage.ask_for_disk("t1").await;
    assert_eq!(stage.inbox.wait_outcomes("t1", 1).await.expect("told").len(), 1);
    stage.order(Order::DoubleReplies { count: 1 }).await;
    stage.ask_for_disk("t2").await;
    let twice = stage.inbox.wait_outcomes("t2", 2).await.expect("told twice");
    assert_eq!(twice[0], twice[1]);
    assert_eq!((stage.executions("t1").await.len(), stage.executions("t2").await.len()), (1, 1));
}

#[tokio::test]
async fn a_machine_that_hangs_and_a_network_that_is_cut_are_mended() {
    let stage = Stage::set().await;
    let machine = stage.network.address(11);
    let ping = || timeout(SILENCE, stage.link.ping());
    ping().await.expect("in time").expect("it answers");
    stage.order(Order::Hang { machine }).await;
    assert!(ping().await.is_err(), "it hangs");
    stage.order(Order::Release { machine }).await;
    ping().await.expect("in time").expect("it answers again");

    let manager = stage.network.address(1);
    stage.order(Order::Cut { manager, passage: Passage::Broken }).await;
    ping().await.expect("in time").expect_err("it is refused");
    stage.order(Order::Cut { manager, passage: Passage::Silent }).await;
    assert!(ping().await.is_err(), "nothing is said");
    stage.order(Order::Cut { manager: stage.network.address(2), passage: Passage::Broken }).await;
    stage.order(Order::Cut { manager, passage: Passage::Open }).await;
    ping().await.expect("in time").expect("another manager's network is no matter");
}
