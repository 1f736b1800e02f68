//! The real program, killed by SIGKILL at every point of a `CreateVmInstance`, and started again over the same data: its job
//! is answered truthfully, and either there is a whole VM or there is nothing of it.
//!
//! `manager/testkit` stops the same flow at the same points within one process, many times faster; here nothing of the
//! process outlives its end but the files, as after a power failure of the management node. The cloud is one of the
//! simulator plugin, whose hosts live on meanwhile.

mod several;

use std::path::Path;

use cumulo_chaos::{Cloud, Node, order};
use cumulo_kernel::{
    db::Db,
    flow::{FlowRow, FlowState},
};
use cumulo_plugin_simulator::{SimulatorFile, SimulatorVm};
use cumulo_schema::Uuid;

/// The program, built so that it can be told where to die.
const PROGRAM: &str = env!("CARGO_BIN_EXE_cumulo-manager");

/// The steps of the chain `create-vm`.
const STEPS: [&str; 8] = [
    "record-vm",
    "allocate-host",
    "allocate-nics",
    "create-root-volume",
    "prepare-networks",
    "serve-nics",
    "start-on-host",
    "mark-running",
];

/// What there may be after a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// A whole VM.
    All,
    /// Nothing of it.
    Nothing,
    /// One or the other, as the job says.
    AllOrNothing,
}

/// One death: where it is to happen, and what it may leave.
struct Death {
    orders: String,
    /// Orders of the life after it, which resumes the flow.
    again: String,
    job: Uuid,
    place: String,
    left: Left,
}

impl Death {
    /// While the VM is being made.
    fn making(place: &str) -> Self {
        let job = Uuid::random();
        let orders = order("kill", place, job);
        Self { orders, again: String::new(), job, place: place.to_owned(), left: Left::All }
    }

    /// While it is being unmade, its last step having failed.
    fn unmaking(step: &str) -> Self {
        let (job, place) = (Uuid::random(), format!("undo:{step}"));
        let orders = format!("{},{}", order("fail", "end:mark-running", job), order("kill", &place, job));
        // That a step failed is written down together with the first thing that is undone. Where nothing was undone yet,
        // nobody need remember the failure, and the next life may just as well succeed.
        let left = if step == "mark-running" { Left::AllOrNothing } else { Left::Nothing };
        Self { orders, again: String::new(), job, place, left }
    }

    /// And once more in the life after it, at `place`.
    fn then(self, place: &str) -> Self {
        Self { again: order("kill", place, self.job), place: format!("{} and {place}", self.place), ..self }
    }
}

/// Lets the node die each of `deaths` and looks at what is left each time.
async fn survive(deaths: Vec<Death>) {
    let mut node = Node::new(Path::new(PROGRAM)).await;
    let cloud = Cloud::build(&node).await;
    let before = cloud.count(&node).await;
    node.kill().await;
    assert!(node.start(&deaths[0].orders).await);
    for (n, death) in deaths.iter().enumerate() {
        let place = &death.place;
        _ = node.submit(death.job, "POST", "/vm-instances", &cloud.vm("vm")).await;
        node.dies().await;
        if !death.again.is_empty() && node.start(&death.again).await {
            node.dies().await;
        }
        // Orders name their flow, so those for the next death do nothing to what is resumed now.
        assert!(node.start(deaths.get(n + 1).map_or("", |next| &next.orders)).await, "{place}\n{}", node.log());
        match node.answer(death.job).await.expect("a job that began is known") {
            Ok(answer) => {
                assert_ne!(death.left, Left::Nothing, "{place}: what failed is said to be done: {answer}");
                cloud.assert_usable(&node, &answer["inventory"], place).await;
                assert_eq!(node.query("/vm-instances").await.len(), 1, "{place}");
                cloud.expunge(&node, &answer["inventory"]).await;
            }
            Err(error) => {
                assert_ne!(death.left, Left::All, "{place}: {error}");
                assert!(error.to_string().contains("failed on order"), "{place}: {error}");
            }
        }
        assert_eq!(cloud.count(&node).await, before, "{place}\n{}", node.log());
    }
    node.kill().await;
    // What no API shows.
    let db = Db::sqlite(&node.data().join("cumulo.db")).await.expect("a database");
    assert_eq!(db.select::<SimulatorVm>().count().await.expect("readable"), 0, "VMs on hosts");
    assert_eq!(db.select::<SimulatorFile>().count().await.expect("readable"), 1, "the image");
    let ended = [FlowState::Done, FlowState::Failed];
    let (all, over) = (db.select::<FlowRow>().count(), db.select::<FlowRow>().one_of(FlowRow::STATE, &ended).count());
    assert_eq!(all.await.expect("readable"), over.await.expect("readable"), "flows that did not end");
    db.close().await;
}

#[tokio::test]
async fn killed_at_the_start_of_any_step_it_finishes_the_vm() {
    survive(STEPS.iter().map(|step| Death::making(&format!("start:{step}"))).collect()).await;
}

#[tokio::test]
async fn killed_at_the_end_of_any_step_it_finishes_the_vm() {
    survive(STEPS.iter().map(|step| Death::making(&format!("end:{step}"))).collect()).await;
}

#[tokio::test]
async fn killed_at_any_undo_it_leaves_nothing() {
    survive(STEPS.iter().map(|step| Death::unmaking(step)).collect()).await;
}

#[tokio::test]
async fn killed_again_while_it_resumes_it_still_comes_to_an_end() {
    let deaths = vec![
        Death::making("end:allocate-nics").then("end:create-root-volume"),
        Death::making("start:start-on-host").then("end:start-on-host"),
        Death::unmaking("start-on-host").then("undo:create-root-volume"),
        Death::unmaking("allocate-nics").then("undo:record-vm"),
    ];
    survive(deaths).await;
}

/// Here nobody knows where it dies: before the job is recorded, while it is handled, in the flow or after it.
#[tokio::test]
async fn killed_at_any_other_moment_it_leaves_all_or_nothing() {
    let mut node = Node::new(Path::new(PROGRAM)).await;
    let cloud = Cloud::build(&node).await;
    let before = cloud.count(&node).await;
    for moment_ms in [0, 1, 2, 4, 8, 16, 32] {
        let job = Uuid::random();
        let body = cloud.vm("vm");
        let submitted = node.submit(job, "POST", "/vm-instances", &body);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(moment_ms), submitted).await;
        node.kill().await;
        assert!(node.start("").await);
        // A job that nobody accepted is not known, and then there must be nothing.
        if let Some(answer) = node.answer(job).await {
            let answer = answer.unwrap_or_else(|error| panic!("after {moment_ms} ms nothing failed, yet: {error}"));
            cloud.assert_usable(&node, &answer["inventory"], &format!("after {moment_ms} ms")).await;
            cloud.expunge(&node, &answer["inventory"]).await;
        }
        assert_eq!(cloud.count(&node).await, before, "after {moment_ms} ms\n{}", node.log());
    }
}
