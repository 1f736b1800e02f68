//! `CreateVmInstance` failed at every step, every call losing its request or its reply, every undo run: the world is a
//! fresh one afterwards. And the node stopped at every point: the next life finishes it or leaves nothing.
//!
//! flow failed everywhere: launch-vm

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cumulo_kernel::faults::Verdict;
use cumulo_schema::ErrorCode;
use cumulo_testkit::{Cloud, Everywhere, World, assert_same};
use serde_json::{Value, json};

async fn expunge(world: &World, vm: &str) {
    world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
    let expunge = json!({ "expungeVmInstance": {} });
    world.call("PUT", &format!("/vm-instances/{vm}/actions"), &expunge).await.expect("expunged");
}

/// Lets one VM live in the cloud, so that what stays for the next one (image cache, DHCP) is there.
async fn used(world: &World, cloud: &Cloud) {
    let vm = world.make("POST", "/vm-instances", cloud.vm("first")).await;
    expunge(world, vm["uuid"].as_str().expect("a uuid")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_fails_anywhere_leaves_nothing_behind() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    fail_everywhere(&world, &cloud).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_on_simulated_hosts() {
    let world = World::new().await;
    let cloud = world.simulated_cloud().await;
    fail_everywhere(&world, &cloud).await;
}

/// As the admin's, and what was taken of quotas is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_of_an_ordinary_account() {
    let mut world = World::new().await;
    let cloud = world.simulated_cloud().await;
    let (_, session) = world.account("alice").await;
    let resources = [&cloud.image, &cloud.l3, &cloud.offering];
    let share = json!({ "shareResource": { "resourceUuids": resources, "toPublic": true } });
    world.call("PUT", "/accounts/resources/actions", &share).await.expect("shared");
    world.use_session(session);
    fail_everywhere(&world, &cloud).await;
}

async fn fail_everywhere(world: &World, cloud: &Cloud) {
    used(world, cloud).await;
    let probe = Everywhere::new();
    assert!(world.kernel().faults().install(probe.clone()).is_ok());
    let (rows, machines) = (world.rows().await, world.sims.worlds());

    probe.disarm();
    let vm = world.make("POST", "/vm-instances", cloud.vm("counted")).await;
    let places = probe.passed().0;
    expunge(world, vm["uuid"].as_str().expect("a uuid")).await;
    assert_same(&world.rows().await, &rows, "nothing");
    assert!(places.len() > 20, "a create passes many places, not {}", places.len());

    for (at, place) in places.iter().enumerate() {
        probe.arm(at, Verdict::Fail(ErrorCode::operation("on purpose")));
        let outcome = world.call("POST", "/vm-instances", &cloud.vm("failing")).await;
        probe.disarm();
        match outcome {
            Err(_) => {}
            // What failed was not needed, or was asked again: then the VM must be whole.
            Ok(answer) => {
                assert_eq!(answer["inventory"]["state"], "Running", "after failing at {place}");
                expunge(world, answer["inventory"]["uuid"].as_str().expect("a uuid")).await;
            }
        }
        assert_same(&world.rows().await, &rows, place);
        assert_eq!(world.sims.worlds(), machines, "the machines differ after failing at {place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_anywhere_finishes_in_its_next_life() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    used(&world, &cloud).await;
    let steps = [
        "record-vm",
        "allocate-host",
        "allocate-nics",
        "create-root-volume",
        "prepare-networks",
        "serve-nics",
        "start-on-host",
        "mark-running",
    ];
    for (index, step) in steps.iter().enumerate() {
        for end in [false, true] {
            let died = Arc::new(AtomicBool::new(false));
            let probe = Dies { step, end, died: died.clone() };
            assert!(world.kernel().faults().install(Arc::new(probe)).is_ok());
            let job = cumulo_schema::Uuid::random();
            world.submit(job, "POST", "/vm-instances", &cloud.vm(&format!("vm-{index}-{end}"))).await;
            world.cut_off(&died).await;
            world.stop().await;
            world.start().await;
            let deadline = Instant::now() + Duration::from_secs(30);
            let outcome = loop {
                match world.poll(job).await {
                    Some(outcome) => break outcome,
                    None => assert!(Instant::now() < deadline, "no answer after dying at {step} (end: {end})"),
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            let vm = outcome.unwrap_or_else(|refused| panic!("dying at {step} (end: {end}): {refused:?}"));
            assert_eq!(vm["inventory"]["state"], "Running");
            expunge(&world, vm["inventory"]["uuid"].as_str().expect("a uuid")).await;
        }
    }
}

struct Dies {
    step: &'static str,
    end: bool,
    died: Arc<AtomicBool>,
}

impl cumulo_kernel::faults::Probe for Dies {
    fn at(&self, point: cumulo_kernel::faults::Point<'_>) -> Verdict {
        use cumulo_kernel::faults::Point;
        let here = match point {
            Point::StepStart { step, .. } => !self.end && step == self.step,
            Point::StepEnd { step, .. } => self.end && step == self.step,
            _ => false,
        };
        if !here {
            return Verdict::Pass;
        }
        self.died.store(true, Ordering::SeqCst);
        Verdict::Die
    }
}
