//! The database server dies while VMs are created: every call is answered, and every VM is whole or was never there.
//!
//! These tests start a server of their own, whatever the others run on.

use std::time::{Duration, Instant};

use cumulo_kernel::flow::FlowRow;
use cumulo_schema::{
    Uuid,
    system::{GarbageCollector, GcStatus},
};
use cumulo_testdb::{Server, TestDatabase};
use cumulo_testkit::{Cloud, Refused, World};
use futures::future::join_all;
use serde_json::{Value, json};

/// Longest anything may take to be settled after the server is back.
const SETTLED: Duration = Duration::from_secs(60);
/// VMs created at once.
const AT_ONCE: usize = 12;

/// A cloud on a server of its own, in which one VM has lived.
async fn used(server: &Server, patience: u64) -> (World, Cloud) {
    let world = World::over(TestDatabase::on(server.url()).await, patience).await;
    let cloud = world.cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("first")).await;
    expunge(&world, vm["uuid"].as_str().expect("a uuid")).await;
    (world, cloud)
}

async fn expunge(world: &World, vm: &str) {
    world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
    let expunge = json!({ "expungeVmInstance": {} });
    world.call("PUT", &format!("/vm-instances/{vm}/actions"), &expunge).await.expect("expunged");
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + SETTLED;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what} did not happen in {SETTLED:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Starts a round of creates and answers their jobs.
async fn submit(world: &World, cloud: &Cloud) -> Vec<Uuid> {
    let jobs: Vec<Uuid> = (0..AT_ONCE).map(|_| Uuid::random()).collect();
    let create = async |job: &Uuid| world.submit(*job, "POST", "/vm-instances", &cloud.vm(&job.to_string())).await;
    join_all(jobs.iter().map(create)).await;
    jobs
}

/// How a job ended.
async fn end_of(world: &World, job: Uuid) -> Result<Value, Refused> {
    let deadline = Instant::now() + SETTLED;
    loop {
        if let Some(end) = world.poll(job).await {
            return end;
        }
        if Instant::now() > deadline {
            let flow = world.kernel().db().find(FlowRow::UUID, &job).await;
            panic!("job {job} is not answered after {SETTLED:?}; its flow: {flow:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every job says what is true, and what was made can be removed without a trace.
async fn assert_settled(world: &World, jobs: &[Uuid]) {
    let ends = join_all(jobs.iter().map(|job| end_of(world, *job))).await;
    eventually("the end of every flow", async || world.kernel().flows().running_count() == 0).await;
    let owed = async || {
        let debts = world.kernel().db().select::<GarbageCollector>().ne(GarbageCollector::STATUS, &GcStatus::Done);
        debts.count().await.expect("readable")
    };
    eventually("the last debt's end", async || owed().await == 0).await;
    let made: Vec<&str> = ends
        .iter()
        .filter_map(|end| end.as_ref().ok())
        .map(|vm| {
            assert_eq!(vm["inventory"]["state"], "Running", "{vm}");
            vm["inventory"]["uuid"].as_str().expect("a uuid")
        })
        .collect();
    let found = world.query("/vm-instances").await;
    let mut found: Vec<&str> = found.iter().map(|vm| vm["uuid"].as_str().expect("a uuid")).collect();
    let mut made_too = made.clone();
    found.sort_unstable();
    made_too.sort_unstable();
    assert_eq!(found, made_too, "of {ends:?}");
    for vm in made {
        expunge(world, vm).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_is_waited_for() {
    let server = Server::start();
    let (mut world, cloud) = used(&server, 30).await;
    let (rows, machines) = (world.rows().await, world.sims.worlds());
    for life in 0..3 {
        let jobs = submit(&world, &cloud).await;
        // Some have begun, none, or one has ended.
        match life {
            0 => eventually("a flow", async || world.kernel().flows().running_count() > 3).await,
            1 => {}
            _ => drop(end_of(&world, jobs[0]).await),
        }
        server.kill();
        // Somebody asks while nobody is there.
        let (asked, ()) = tokio::join!(world.call("GET", "/zones", &Value::Null), async { server.start_again() });
        asked.expect("answered when the server is back");
        let ends = join_all(jobs.iter().map(|job| end_of(&world, *job))).await;
        assert!(ends.iter().all(Result::is_ok), "waiting is enough: {ends:?}");
        assert_settled(&world, &jobs).await;
        assert_eq!(world.rows().await, rows);
        assert_eq!(world.sims.worlds(), machines);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_longer_than_patience_leaves_nothing_half_made() {
    let server = Server::start();
    let (mut world, cloud) = used(&server, 1).await;
    let (rows, machines) = (world.rows().await, world.sims.worlds());
    for life in 0..3 {
        let jobs = submit(&world, &cloud).await;
        if life > 0 {
            eventually("a flow", async || world.kernel().flows().running_count() > life).await;
        }
        server.kill();
        // Until calls fail with a code, twice over.
        for _ in 0..2 {
            match world.call("GET", "/zones", &Value::Null).await {
                Err(Refused::Error(error)) => assert_eq!(error.code, "SYS.1010", "{error}"),
                other => panic!("answered by nobody: {other:?}"),
            }
        }
        server.start_again();
        assert_settled(&world, &jobs).await;
        assert_eq!(world.rows().await, rows);
        assert_eq!(world.sims.worlds(), machines);
    }
    world.stop().await;
}
