//! What becomes of hosts when the node that looks after them stops.

use std::time::{Duration, Instant};

use cumulo_agent_rt::sim::{Fault, On};
use cumulo_testkit::World;
use serde_json::json;

/// Longest a test waits for the node to turn to a host.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the agent takes to greet.
const SLOW: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_a_stopping_node_could_not_connect_stays_as_it_was() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let faults = world.sims.host(cloud.host.parse().expect("a uuid")).faults().clone();
    world.stop().await;
    faults.clear();
    faults.plan(On::Every("Connect"), Fault::Delay(SLOW));
    faults.plan(On::Next("Connect"), Fault::FailBefore);
    world.start().await;
    let since = Instant::now();
    while faults.calls().is_empty() {
        assert!(since.elapsed() < PATIENCE, "the host is not connected at the start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.stop().await;
    // The greeting takes its time again, so this is what the last node left behind.
    world.start().await;
    assert_eq!(world.query("/hosts").await[0]["status"], json!("Connected"));
}
