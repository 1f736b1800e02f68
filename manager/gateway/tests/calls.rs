//! Calls to a simulated agent: what is lost is asked for again, and what cannot be had is said, soon.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cumulo_agent_rt::{
    AgentLink, LinkError,
    sim::{Fault, On},
};
use cumulo_gateway::{AgentKind, AgentWatch, DeployError, Deployer, Deployment, Gateway, Secret, SshTarget};
use cumulo_kernel::{
    Setup,
    bus::{CallContext, Caller},
};
use cumulo_kvm_agent::sim::{SimHost, SimSpec};
use cumulo_proto::{Accepted, PingReply, kvm};
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testnode::TestNode;

/// Longest a test waits for what takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

struct NothingToDo;

#[async_trait]
impl Deployer for NothingToDo {
    async fn deploy(&self, _deployment: &Deployment) -> Result<(), DeployError> {
        Ok(())
    }
}

/// Accepts everything and never answers.
struct Mute;

#[async_trait]
impl AgentLink for Mute {
    async fn submit(&self, _: &'static str, _: bytes::Bytes) -> Result<Accepted, LinkError> {
        Ok(Accepted::default())
    }
    async fn ping(&self) -> Result<PingReply, LinkError> {
        Ok(PingReply::default())
    }
    async fn cancel(&self, _: &str) -> Result<bool, LinkError> {
        Ok(false)
    }
}

/// The record of all agents: all are away or none.
#[derive(Default)]
struct Record {
    away: AtomicBool,
    read: AtomicUsize,
}

#[async_trait]
impl AgentWatch for Record {
    async fn is_away(&self, _: Uuid) -> Result<bool, ErrorCode> {
        self.read.fetch_add(1, Ordering::SeqCst);
        Ok(self.away.load(Ordering::SeqCst))
    }
}

struct World {
    node: TestNode,
    gateway: Gateway,
    host: SimHost,
    agent: Uuid,
    record: Arc<Record>,
}

impl World {
    async fn new() -> Self {
        let mut gateway = None;
        let record = Arc::new(Record::default());
        let install = |setup: &mut Setup| {
            setup.add::<dyn AgentWatch>(record.clone());
            gateway = Some(Gateway::in_process(setup, Arc::new(NothingToDo)));
        };
        let node = TestNode::start(install).await;
        let gateway = gateway.expect("installed");
        let agent = Uuid::random();
        let host = SimHost::new(SimSpec::new(&agent.to_string()), gateway.callbacks());
        gateway.attach_link(agent, host.link());
        Self { node, gateway, host, agent, record }
    }

    /// Agents are given up after a second.
    async fn be_impatient(&self) {
        self.node.kernel().configs().set("agent", "accept.timeout", Some("1")).await.expect("set");
    }

    /// Waits until the agent was sent so many commands.
    async fn sent(&self, count: usize) {
        let since = Instant::now();
        while self.tasks().len() < count {
            assert!(since.elapsed() < PATIENCE, "{:?}", self.tasks());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Removes a VM that is not there: a command that always succeeds.
    async fn destroy(&self, task: Uuid) -> Result<kvm::DestroyVmReply, ErrorCode> {
        let command = kvm::DestroyVm { header: None, vm_uuid: Uuid::random().to_string() };
        self.gateway.call(self.agent, task, command).await
    }

    fn tasks(&self) -> Vec<String> {
        self.host.faults().calls().into_iter().map(|call| call.task_id).collect()
    }
}

fn within<T>(timeout: Duration, work: impl Future<Output = T>) -> impl Future<Output = T> {
    CallContext::starting(Uuid::random(), Caller::SYSTEM, timeout).scope(work)
}

#[tokio::test]
async fn a_command_is_sent_once_and_its_reply_comes_back() {
    let world = World::new().await;
    let task = Uuid::random();
    world.destroy(task).await.expect("done");
    assert_eq!(world.tasks(), [task.to_string()]);
    assert_eq!(world.gateway.ping(world.agent).await.expect("lives").agent, world.agent.to_string());
}

#[tokio::test]
async fn a_lost_request_and_a_lost_reply_are_asked_for_again_by_the_same_task() {
    for fault in [Fault::DropRequest, Fault::LoseReply] {
        let world = World::new().await;
        world.host.faults().plan(On::Next("DestroyVm"), fault.clone());
        let task = Uuid::random();
        within(Duration::from_secs(30), world.destroy(task)).await.expect("done in the end");
        assert_eq!(world.tasks(), [task.to_string(), task.to_string()], "{fault:?}");
    }
}

#[tokio::test]
async fn what_the_agent_failed_of_is_said_in_its_words() {
    let world = World::new().await;
    let command = kvm::EnsureBridge {
        l2_uuid: Uuid::random().to_string(),
        bridge_name: "br_none0".to_owned(),
        physical_interface: "none0".to_owned(),
        ..kvm::EnsureBridge::default()
    };
    let error = world.gateway.call(world.agent, Uuid::random(), command).await.expect_err("there is no such interface");
    assert!(error.details.contains("none0"), "{error}");
    let facts = error.opaque.expect("facts");
    assert!(facts["agentCode"].as_str().is_some_and(|code| code.contains('.')), "{facts:?}");
}

#[tokio::test]
async fn the_deadline_ends_the_wait_for_an_agent_that_says_nothing() {
    let world = World::new().await;
    world.gateway.attach_link(world.agent, Arc::new(Mute));
    let error = within(Duration::from_millis(200), world.destroy(Uuid::random())).await.expect_err("too late");
    assert_eq!(error.code, "SYS.1001");
    assert!(error.details.contains("DestroyVm"), "{error}");
}

#[tokio::test]
async fn an_agent_that_hangs_is_given_up_soon_and_by_all_at_once() {
    let world = World::new().await;
    world.be_impatient().await;
    world.host.faults().hang(true);
    let begun = Instant::now();
    let error = world.destroy(Uuid::random()).await.expect_err("it hangs");
    assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!((error.code.as_str(), error.waits_for()), ("HOST.1000", Some(world.agent)), "{error}");
    assert!(world.gateway.silent_for(world.agent).is_some_and(|silent| silent >= Duration::from_secs(1)));
    let (sent, begun) = (world.tasks().len(), Instant::now());
    let error = world.destroy(Uuid::random()).await.expect_err("it hangs");
    assert!(begun.elapsed() < Duration::from_millis(500), "it was tried a moment ago: {:?}", begun.elapsed());
    assert!(error.waits_for() == Some(world.agent) && error.details.contains("DestroyVm was not sent"), "{error}");
    assert_eq!(world.tasks().len(), sent);
    world.host.faults().hang(false);
    world.gateway.ping(world.agent).await.expect("it goes on");
    assert_eq!(world.gateway.silent_for(world.agent), None);
    world.destroy(Uuid::random()).await.expect("done");
}

#[tokio::test]
async fn what_waits_for_an_agent_that_is_found_away_fails_at_once() {
    let world = World::new().await;
    world.host.faults().hang(true);
    let begun = Instant::now();
    let (error, ()) = tokio::join!(world.destroy(Uuid::random()), async {
        world.sent(1).await;
        world.gateway.suspect(world.agent);
        while world.record.read.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // A suspicion alone ends nothing.
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.record.away.store(true, Ordering::SeqCst);
        world.gateway.suspect(world.agent);
    });
    let error = error.expect_err("it is away");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!((error.code.as_str(), error.waits_for()), ("HOST.1000", Some(world.agent)));
    assert!(error.details.contains("before it accepted DestroyVm"), "{error}");
    // From now on nothing is sent but what finds out whether it is back.
    let sent = world.tasks().len();
    let error = world.destroy(Uuid::random()).await.expect_err("it is away");
    assert!(error.details.contains("was found not to answer"), "{error}");
    assert_eq!(world.tasks().len(), sent);
    world.host.faults().hang(false);
    let hello = kvm::Connect { header: None, host_uuid: world.agent.to_string() };
    world.gateway.greet(world.agent, Uuid::random(), hello).await.expect("it is back");
    world.record.away.store(false, Ordering::SeqCst);
    world.destroy(Uuid::random()).await.expect("done");
    let read = world.record.read.load(Ordering::SeqCst);
    world.destroy(Uuid::random()).await.expect("done");
    assert_eq!(world.record.read.load(Ordering::SeqCst), read, "of an agent that is not suspected nothing is read");
}

#[tokio::test]
async fn a_command_that_was_accepted_is_waited_for_whatever_is_found_meanwhile() {
    let world = World::new().await;
    world.host.faults().plan(On::Next("DestroyVm"), Fault::Delay(Duration::from_secs(4)));
    let (outcome, ()) = tokio::join!(world.destroy(Uuid::random()), async {
        world.sent(1).await;
        // The agent answers after half a second that it accepted; the rest is for a slow machine.
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.record.away.store(true, Ordering::SeqCst);
        world.gateway.suspect(world.agent);
    });
    outcome.expect("it was under way");
}

#[tokio::test]
async fn several_who_wait_for_one_task_all_get_its_outcome() {
    let world = World::new().await;
    let task = Uuid::random();
    let command = kvm::DestroyVm { header: None, vm_uuid: Uuid::random().to_string() };
    let call = || world.gateway.call(world.agent, task, command.clone());
    let (first, second) = tokio::join!(call(), call());
    assert_eq!((first.is_ok(), second.is_ok()), (true, true));
}

#[tokio::test]
async fn an_agent_that_is_forgotten_or_was_never_deployed_is_not_called() {
    let world = World::new().await;
    world.gateway.forget(world.agent).await.expect("forgotten");
    world.gateway.forget(world.agent).await.expect("once more is fine");
    let error = world.destroy(Uuid::random()).await.expect_err("forgotten");
    assert_eq!(error.code, "HOST.1000");
    assert!(error.details.contains("reconnect"), "{error}");
}

#[tokio::test]
async fn a_simulated_agent_stays_attached_when_it_is_deployed_again() {
    let world = World::new().await;
    let target = SshTarget {
        host: "10.0.0.1".to_owned(),
        port: 22,
        username: "root".to_owned(),
        password: Secret::new("password"),
    };
    world.gateway.deploy(world.agent, AgentKind::Kvm, &target).await.expect("deployed");
    world.destroy(Uuid::random()).await.expect("still reached");
}

#[tokio::test]
async fn behind_a_simulated_id_everything_succeeds_until_it_is_forgotten() {
    let world = World::new().await;
    let nobody = Uuid::random();
    let init = || kvm::EnsureBridge { bridge_name: "br_eth0".to_owned(), ..kvm::EnsureBridge::default() };
    world.gateway.call(nobody, Uuid::random(), init()).await.expect_err("nobody is there yet");
    for _ in 0..2 {
        world.gateway.simulate(nobody).await.expect("recorded, and once more is fine");
        let task = Uuid::random();
        world.gateway.call(nobody, task, init()).await.expect("done");
        world.gateway.call(nobody, task, init()).await.expect("done already");
    }
    assert!(world.gateway.ping(nobody).await.expect("lives").connected);
    world.gateway.forget(nobody).await.expect("forgotten");
    let error = world.gateway.call(nobody, Uuid::random(), init()).await.expect_err("forgotten");
    assert_eq!(error.code, "HOST.1000");
}
