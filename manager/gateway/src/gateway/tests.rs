//! Over real TLS on loopback, with certificates of the gateway's own authority; and with the real Ansible.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use cumulo_agent_rt::{
    Callbacks, HttpCallbacks, PostError, TlsFiles, serve,
    tls::{self, Identity},
};
use cumulo_kernel::{
    Kernel,
    bus::{CallContext, Caller},
};
use cumulo_kvm_agent::sim::{SimHost, SimSpec};
use cumulo_proto::kvm;
use cumulo_schema::Timestamp;
use cumulo_testdb::TestDatabase;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::DropGuard;

use super::*;
use crate::Secret;

struct World {
    database: TestDatabase,
    kernel: Kernel,
    gateway: Gateway,
}

/// A simulated host behind a real wire.
struct Served {
    host: SimHost,
    callbacks: Arc<HttpCallbacks>,
    _serving: DropGuard,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let dir = database.path();
        let mut setup = Setup::new(database.open().await, Uuid::random(), &dir.join("key")).expect("a key");
        let config = GatewayConfig {
            data_dir: dir.to_owned(),
            callback_listen: ([127, 0, 0, 1], 0).into(),
            advertise: None,
            ansible_dir: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ansible"),
            kvm_agent_binary: "/nonexistent/kvm-agent".into(),
            storage_agent_binary: "/nonexistent/storage-agent".into(),
        };
        let gateway = Gateway::install(&mut setup, &config).expect("installed");
        let kernel = setup.start("").await.expect("starts");
        Self { database, kernel, gateway }
    }

    /// The agent `known`, which presents the certificate of `certified`.
    async fn serve(&self, known: Uuid, certified: Uuid) -> Served {
        let network = self.gateway.inner.network.as_ref().expect("a real gateway");
        let files = network.authority.agent(certified).expect("a certificate");
        let files = TlsFiles { ca: files.ca, cert: files.certificate, key: files.key };
        let identity = Identity::load(&files).expect("usable");
        let (_, client) = watch::channel(tls::client(&identity).expect("a client"));
        let callbacks = Arc::new(HttpCallbacks::new(client));
        let host = SimHost::new(SimSpec::new(&known.to_string()), callbacks.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (_, server) = watch::channel(tls::agent_server(&identity).expect("a server"));
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, server, host.runtime().router(), stop.clone()));

        let now = Timestamp::now();
        let mut batch = self.kernel.db().batch();
        batch.insert(&Agent {
            uuid: known,
            kind: crate::AgentRecord::Kvm,
            address: "127.0.0.1".to_owned(),
            port: i32::from(port),
            create_date: now,
            last_op_date: now,
        });
        self.kernel.db().commit(batch).await.expect("recorded");
        Served { host, callbacks, _serving: stop.drop_guard() }
    }

    fn base(&self) -> String {
        format!("https://{}{}", self.gateway.callback_address().expect("listens"), callback::BASE)
    }
}

fn nothing() -> kvm::DestroyVm {
    kvm::DestroyVm { header: None, vm_uuid: Uuid::random().to_string() }
}

#[tokio::test]
async fn a_command_goes_over_tls_and_its_outcome_comes_to_the_callback_endpoint() {
    let world = World::new().await;
    let agent = Uuid::random();
    let served = world.serve(agent, agent).await;
    world.gateway.call(agent, Uuid::random(), nothing()).await.expect("done");
    assert_eq!(world.gateway.ping(agent).await.expect("lives").agent, agent.to_string());
    drop(served);
    world.gateway.close();
}

#[tokio::test]
async fn a_task_is_settled_when_it_has_ended_and_one_that_never_came_does_nothing() {
    let world = World::new().await;
    let agent = Uuid::random();
    let served = world.serve(agent, agent).await;
    let packages = &served.host.doors().packages;
    let update = |settle| kvm::UpdateOs { settle, ..kvm::UpdateOs::default() };
    let (gateway, [failed, late, lost]) = (&world.gateway, [(); 3].map(|()| Uuid::random()));
    packages.set_broken(Some("no space left"));
    gateway.call(agent, failed, update(false)).await.expect_err("it fails");
    gateway.settle(agent, failed, update(true)).await.expect("it has ended, however");
    packages.set_broken(None);
    // What was given up before it came to the agent, and comes then.
    gateway.settle(agent, late, update(true)).await.expect("not under way");
    gateway.call(agent, late, update(false)).await.expect("answered");
    assert!(packages.done().is_empty(), "nothing is begun any more");
    // Of an agent that is not reached nobody knows.
    let away = Uuid::random();
    let _impostor = world.serve(away, Uuid::random()).await;
    let soon = CallContext::starting(Uuid::random(), Caller::SYSTEM, Duration::from_millis(300));
    let error = soon.scope(gateway.settle(away, lost, update(true))).await.expect_err("it is not reached");
    assert_eq!(error.code, "SYS.1001");
    world.gateway.close();
}

#[tokio::test]
async fn who_has_another_agents_certificate_is_not_given_commands() {
    let world = World::new().await;
    let agent = Uuid::random();
    let served = world.serve(agent, Uuid::random()).await;
    let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, Duration::from_millis(500));
    let error = context.scope(world.gateway.call(agent, Uuid::random(), nothing())).await.expect_err("an impostor");
    assert_eq!(error.code, "SYS.1001");
    assert_eq!(error.cause.expect("why").code, "HOST.1000");
    assert_eq!(served.host.runtime().ping().running, 0);
}

#[tokio::test]
async fn an_agent_speaks_for_itself_only() {
    let world = World::new().await;
    let (agent, other) = (Uuid::random(), Uuid::random());
    let served = world.serve(agent, agent).await;
    let outcome =
        |agent: Uuid| Outcome { agent: agent.to_string(), task_id: Uuid::random().to_string(), ..Outcome::default() };
    let forged = served.callbacks.outcome(&world.base(), &outcome(other)).await;
    assert!(matches!(forged, Err(PostError::Refused { status: 403, .. })), "{forged:?}");
    let unwanted = served.callbacks.outcome(&world.base(), &outcome(agent)).await;
    assert!(matches!(unwanted, Err(PostError::Unwanted { .. })), "{unwanted:?}");
    let forged =
        served.callbacks.report(&world.base(), &Report { agent: other.to_string(), ..Report::default() }).await;
    assert!(matches!(forged, Err(PostError::Refused { status: 403, .. })), "{forged:?}");
    let report = Report { agent: agent.to_string(), ..Report::default() };
    served.callbacks.report(&world.base(), &report).await.expect("taken");
}

#[tokio::test]
async fn a_deployment_that_does_not_get_in_says_why_and_leaves_no_secret() {
    let world = World::new().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound").port()
    };
    let target = SshTarget {
        host: "127.0.0.1".to_owned(),
        port: closed,
        username: "root".to_owned(),
        password: Secret::new("{{ 'pa55' }}word"),
    };
    let agent = Uuid::random();
    let error = world.gateway.deploy(agent, AgentKind::Kvm, &target).await.expect_err("nobody listens");
    assert!(error.details.contains(&format!("refuses SSH on port {closed}")), "{error}");
    let shown = format!("{error:?}");
    let log = world.database.path().join(format!("deploy/{agent}.log"));
    let output = fs::read_to_string(&log).expect("kept");
    assert!(output.contains("UNREACHABLE"), "{output}");
    assert!(!shown.contains("pa55") && !output.contains("pa55"), "{shown} {output}");
    assert_eq!(fs::metadata(&log).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(world.gateway.ping(agent).await.is_err(), "an agent that was not deployed is not known");

    let target = SshTarget { host: "-oProxyCommand=true".to_owned(), ..target };
    let error = world.gateway.deploy(agent, AgentKind::Kvm, &target).await.expect_err("no host");
    assert_eq!(error.code, "SYS.1007");
}
