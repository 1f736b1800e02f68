//! An agent and a manager over real TLS on loopback: accepted, run in order, answered once, whatever gets lost.

mod fixture;

use std::{net::Ipv4Addr, sync::Arc};

use cumulo_agent_rt::{
    AgentLink as _, LinkError,
    sim::{Authority, Inbox},
    submit,
    tls::{self, Identity},
};
use cumulo_proto::{AgentCommand as _, Failure, kvm, outcome::Result as OutcomeResult};
use fixture::{AGENT, TestAgent, destroy, eventually, pause};
use prost::Message as _;
use tokio_util::sync::DropGuard;

struct World {
    authority: Authority,
    inbox: Arc<Inbox>,
    journal: tempfile::TempDir,
    _serving: DropGuard,
}

fn issue(authority: &Authority, name: &str) -> Identity {
    authority.issue(name).unwrap().identity().unwrap()
}

/// Somebody who listens to callbacks.
async fn listener(authority: &Authority, name: &str) -> (Arc<Inbox>, DropGuard) {
    let inbox = Arc::new(Inbox::default());
    let tls = tls::callback_server(&issue(authority, name)).unwrap();
    let serving = inbox.serve((Ipv4Addr::LOCALHOST, 0).into(), tls).await.unwrap();
    (inbox, serving)
}

impl World {
    async fn new() -> Self {
        let authority = Authority::new().unwrap();
        let (inbox, serving) = listener(&authority, "manager.cumulo").await;
        Self { authority, inbox, journal: tempfile::tempdir().unwrap(), _serving: serving }
    }

    async fn agent(&self) -> TestAgent {
        TestAgent::start(&issue(&self.authority, &format!("{AGENT}.agent.cumulo")), self.journal.path()).await
    }

    fn link(&self, agent: &TestAgent) -> cumulo_agent_rt::AgentClient {
        agent.client(&issue(&self.authority, "manager.cumulo"), AGENT)
    }

    async fn failure(&self, task: &str) -> Failure {
        match self.inbox.wait_outcomes(task, 1).await.unwrap().remove(0).result {
            Some(OutcomeResult::Failure(failure)) => failure,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_command_is_accepted_run_and_answered_and_the_same_task_is_not_run_again() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    let command = destroy(&world.inbox, "t1", "vm1");
    assert!(!submit(&link, &command).await.unwrap().known);
    let first = world.inbox.wait_outcomes("t1", 1).await.unwrap();
    assert!(matches!(&first[0].result, Some(OutcomeResult::Reply(_))), "{first:?}");
    assert_eq!(first[0].agent, AGENT);
    assert!(submit(&link, &command).await.unwrap().known);
    let both = world.inbox.wait_outcomes("t1", 2).await.unwrap();
    assert_eq!(both[0], both[1]);
    assert_eq!(agent.done(), ["destroy vm1"]);
    world.inbox.wait_progress(|p| p.percent == 50 && p.task_id == "t1").await.unwrap();
}

#[tokio::test]
async fn a_manager_that_waits_gets_the_outcome_with_the_answer_and_else_later() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    let mut quick = destroy(&world.inbox, "t1", "vm1");
    quick.header.as_mut().unwrap().answer_within_ms = 60_000;
    for known in [false, true] {
        let accepted = submit(&link, &quick).await.unwrap();
        assert_eq!(accepted.known, known);
        let outcome = accepted.outcome.expect("it is done within a minute");
        assert_eq!((outcome.task_id.as_str(), outcome.agent.as_str()), ("t1", AGENT));
    }
    assert_eq!(agent.runtime.ping().unacknowledged, 0);
    let mut slow = pause(&world.inbox, "t2", "vm1");
    slow.header.as_mut().unwrap().answer_within_ms = 1;
    assert_eq!(submit(&link, &slow).await.unwrap().outcome, None);
    assert_eq!(submit(&link, &slow).await.unwrap().outcome, None, "who asks again does not wait either");
    agent.runtime.host().gate.add_permits(1);
    world.inbox.wait_outcomes("t2", 1).await.unwrap();
    assert_eq!(agent.done(), ["destroy vm1", "pause vm1"]);
    assert_eq!(world.inbox.wait_outcomes("t1", 0).await.unwrap(), [], "what went with an answer is not posted");
}

#[tokio::test]
async fn commands_of_one_object_run_in_order_and_others_pass_them() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    submit(&link, &pause(&world.inbox, "t1", "vm1")).await.unwrap();
    submit(&link, &destroy(&world.inbox, "t2", "vm1")).await.unwrap();
    submit(&link, &destroy(&world.inbox, "t3", "vm2")).await.unwrap();
    world.inbox.wait_outcomes("t3", 1).await.unwrap();
    assert_eq!(agent.done(), ["destroy vm2"]);
    agent.runtime.host().gate.add_permits(1);
    world.inbox.wait_outcomes("t2", 1).await.unwrap();
    assert_eq!(agent.done(), ["destroy vm2", "pause vm1", "destroy vm1"]);
}

#[tokio::test]
async fn an_outcome_is_posted_until_the_manager_takes_it_also_by_the_next_process() {
    let world = World::new().await;
    world.inbox.set_deaf(true);
    let agent = world.agent().await;
    let link = world.link(&agent);
    submit(&link, &destroy(&world.inbox, "t1", "vm1")).await.unwrap();
    eventually("the command to be done", || (!agent.done().is_empty()).then_some(())).await;
    assert_eq!(link.ping().await.unwrap().unacknowledged, 1);
    agent.stop.cancel();
    agent.runtime.stop().await;
    drop(agent);

    world.inbox.set_deaf(false);
    let agent = world.agent().await;
    world.inbox.wait_outcomes("t1", 1).await.unwrap();
    assert!(agent.done().is_empty(), "it was answered from the journal");
    let link = world.link(&agent);
    eventually("the acknowledgement", || (agent.runtime.ping().unacknowledged == 0).then_some(())).await;
    assert!(!link.ping().await.unwrap().connected);
}

#[tokio::test]
async fn an_outcome_goes_to_the_manager_that_asked_last_and_not_to_one_that_is_gone() {
    let world = World::new().await;
    let (other, _serving) = listener(&world.authority, "manager.cumulo").await;
    world.inbox.set_deaf(true);
    let agent = world.agent().await;
    let link = world.link(&agent);
    // One is over when the other manager asks for it, and one under way.
    submit(&link, &destroy(&world.inbox, "t1", "vm1")).await.unwrap();
    submit(&link, &pause(&world.inbox, "t2", "vm2")).await.unwrap();
    eventually("the first to be done", || (!agent.done().is_empty()).then_some(())).await;
    assert!(submit(&link, &destroy(&other, "t1", "vm1")).await.unwrap().known);
    assert!(submit(&link, &pause(&other, "t2", "vm2")).await.unwrap().known);
    agent.runtime.host().gate.add_permits(1);
    for task in ["t1", "t2"] {
        other.wait_outcomes(task, 1).await.unwrap();
    }
    eventually("nothing to be owed", || (agent.runtime.ping().unacknowledged == 0).then_some(())).await;
}

#[tokio::test]
async fn a_task_interrupted_by_the_death_of_its_agent_runs_again() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    submit(&link, &pause(&world.inbox, "t1", "vm1")).await.unwrap();
    submit(&link, &destroy(&world.inbox, "t2", "vm1")).await.unwrap();
    // The first agent never gets a permit, so whatever is done below was done by the second.
    let second = world.agent().await;
    second.runtime.host().gate.add_permits(1);
    world.inbox.wait_outcomes("t2", 1).await.unwrap();
    assert_eq!(second.done(), ["pause vm1", "destroy vm1"]);
    assert!(agent.done().is_empty());
}

#[tokio::test]
async fn a_manager_that_dies_while_its_command_is_written_down_leaves_it_to_be_done() {
    let world = World::new().await;
    let agent = world.agent().await;
    let mut command = destroy(&world.inbox, "t1", "vm1");
    // As one that waits for its outcome, which then goes another way.
    command.header.as_mut().unwrap().answer_within_ms = 60_000;
    let request = command.encode_to_vec().into();
    tokio::select! {
        biased;
        accepted = agent.runtime.accept(kvm::DestroyVm::PATH, request) => panic!("too fast: {accepted:?}"),
        () = std::future::ready(()) => {}
    }
    world.inbox.wait_outcomes("t1", 1).await.unwrap();
    assert_eq!(agent.done(), ["destroy vm1"]);
}

#[tokio::test]
async fn an_older_epoch_is_refused_by_code_and_nothing_is_done() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    let mut newer = destroy(&world.inbox, "t1", "vm1");
    newer.header.as_mut().unwrap().epoch = 5;
    submit(&link, &newer).await.unwrap();
    world.inbox.wait_outcomes("t1", 1).await.unwrap();
    let mut older = destroy(&world.inbox, "t2", "vm1");
    older.header.as_mut().unwrap().epoch = 4;
    match submit(&link, &older).await {
        Err(LinkError::Refused { code, .. }) => assert_eq!(code, "agent.stale-epoch"),
        other => panic!("{other:?}"),
    }
    assert_eq!(agent.done(), ["destroy vm1"]);
}

#[tokio::test]
async fn failures_panics_and_deadlines_are_told_and_the_agent_goes_on() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    submit(&link, &destroy(&world.inbox, "t1", "bad")).await.unwrap();
    let failure = world.failure("t1").await;
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("toy.bad", "bad VM"));
    assert_eq!(failure.causes, ["deep cause"]);

    submit(&link, &destroy(&world.inbox, "t2", "panic")).await.unwrap();
    assert_eq!(world.failure("t2").await.code, "agent.internal");

    let mut slow = pause(&world.inbox, "t3", "vm3");
    slow.header.as_mut().unwrap().deadline_ms -= 59_700;
    submit(&link, &slow).await.unwrap();
    assert_eq!(world.failure("t3").await.code, "agent.deadline-passed");

    let mut late = destroy(&world.inbox, "t4", "vm4");
    late.header.as_mut().unwrap().deadline_ms = 1;
    assert!(
        matches!(submit(&link, &late).await, Err(LinkError::Refused { code, .. }) if code == "agent.deadline-passed")
    );
    let bare = cumulo_proto::kvm::DestroyVm { header: None, vm_uuid: "vm5".into() };
    assert!(matches!(submit(&link, &bare).await, Err(LinkError::Refused { code, .. }) if code == "agent.bad-request"));
    let other = cumulo_proto::kvm::StartVm { header: Some(world.inbox.header("t6")), vm: None };
    assert!(
        matches!(submit(&link, &other).await, Err(LinkError::Refused { code, .. }) if code == "agent.unknown-command")
    );

    submit(&link, &destroy(&world.inbox, "t7", "vm7")).await.unwrap();
    world.inbox.wait_outcomes("t7", 1).await.unwrap();
    assert_eq!(agent.done(), ["destroy vm7"]);
    let metrics = agent.runtime.metrics_text();
    assert!(metrics.contains(r#"cumulo_agent_commands_total{command="DestroyVm",result="failed"} 2"#), "{metrics}");
}

#[tokio::test]
async fn a_task_is_stopped_whether_it_runs_or_waits_and_the_next_one_goes_on() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    assert!(!link.cancel("t1").await.unwrap(), "nobody sent that one");
    submit(&link, &pause(&world.inbox, "t1", "vm1")).await.unwrap();
    submit(&link, &destroy(&world.inbox, "t2", "vm1")).await.unwrap();
    submit(&link, &destroy(&world.inbox, "t3", "vm1")).await.unwrap();
    assert!(link.cancel("t2").await.unwrap());
    assert!(link.cancel("t1").await.unwrap());
    for task in ["t1", "t2"] {
        assert_eq!(world.failure(task).await.code, "agent.cancelled");
    }
    world.inbox.wait_outcomes("t3", 1).await.unwrap();
    assert_eq!(agent.done(), ["destroy vm1"]);
    assert!(!link.cancel("t1").await.unwrap(), "it has ended");
}

#[tokio::test]
async fn only_the_manager_gets_in_and_only_to_the_right_agent() {
    let world = World::new().await;
    let agent = world.agent().await;
    let manager = issue(&world.authority, "manager.cumulo");

    let wrong_agent = agent.client(&manager, "ffffffffffffffffffffffffffffffff");
    assert!(matches!(wrong_agent.ping().await, Err(LinkError::Unreachable { .. })));
    let other_agent = issue(&world.authority, "ffffffffffffffffffffffffffffffff.agent.cumulo");
    assert!(matches!(agent.client(&other_agent, AGENT).ping().await, Err(LinkError::Unreachable { .. })));
    let stranger = issue(&Authority::new().unwrap(), "manager.cumulo");
    assert!(matches!(agent.client(&stranger, AGENT).ping().await, Err(LinkError::Unreachable { .. })));

    assert_eq!(agent.client(&manager, AGENT).ping().await.unwrap().agent, AGENT);
}

#[tokio::test]
async fn outcomes_go_to_nobody_but_the_manager() {
    let world = World::new().await;
    // Somebody with a certificate of the authority listens at the callback address, but is not the manager.
    let (thief, _serving) = listener(&world.authority, "thief.agent.cumulo").await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    submit(&link, &destroy(&thief, "t1", "vm1")).await.unwrap();
    eventually("a failed post", || {
        let metrics = agent.runtime.metrics_text();
        metrics.contains(r#"cumulo_agent_posts_total{kind="outcome",result="failed"}"#).then_some(())
    })
    .await;
    assert_eq!(agent.runtime.ping().unacknowledged, 1);
    // The manager asks again from its own address and gets it.
    submit(&link, &destroy(&world.inbox, "t1", "vm1")).await.unwrap();
    world.inbox.wait_outcomes("t1", 1).await.unwrap();
    assert_eq!(agent.done(), ["destroy vm1"]);
}

#[tokio::test]
async fn a_stopping_agent_finishes_what_runs_and_accepts_nothing_more() {
    let world = World::new().await;
    let agent = world.agent().await;
    let link = world.link(&agent);
    submit(&link, &pause(&world.inbox, "t1", "vm1")).await.unwrap();
    let runtime = agent.runtime.clone();
    let stopping = tokio::spawn(async move { runtime.stop().await });
    let task = std::cell::Cell::new(1);
    let refused = loop {
        task.set(task.get() + 1);
        let sent = submit(&link, &pause(&world.inbox, &format!("t{}", task.get()), "vm1")).await;
        if let Err(LinkError::Refused { code, .. }) = sent {
            break code;
        }
    };
    assert_eq!(refused, "agent.stopping");
    agent.runtime.host().gate.add_permits(100);
    stopping.await.unwrap();
    assert_eq!(agent.done().len(), task.get() - 1);
}
