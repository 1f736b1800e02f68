//! Jobs and long jobs against simulated machines: too slow, told to stop, cut off by the node's death, run again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cumulo_agent_rt::sim::{Fault, On};
use cumulo_kernel::{
    Kernel,
    faults::{Point, Probe, Verdict},
};
use cumulo_schema::Uuid;
use cumulo_testkit::{Cloud, Refused, World};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(40);

async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn outcome(world: &World, job: Uuid) -> Result<Value, Refused> {
    eventually("the job's end", async || world.poll(job).await).await
}

/// The parameters of an `AddImage`.
fn image(cloud: &Cloud, url: &str) -> Value {
    json!({ "name": "second", "mediaType": "RootVolumeTemplate", "format": "qcow2", "url": url,
            "backupStorageUuids": [cloud.backup_storage] })
}

fn storage(world: &World, cloud: &Cloud) -> Arc<cumulo_storage_agent::sim::SimStorage> {
    world.sims.storage(cloud.backup_storage.parse().expect("a uuid"))
}

/// Nothing of a second image is anywhere, and nothing is owed.
async fn assert_only_the_first(world: &World, cloud: &Cloud) {
    assert_eq!(world.query("/images").await.len(), 1);
    assert_eq!(storage(world, cloud).files().len(), 1, "{:?}", storage(world, cloud).files());
    assert_eq!(world.query("/gc-jobs").await, Vec::<Value>::new());
}

async fn submit_long(world: &World, name: &str, data: &Value) -> Value {
    let params = json!({ "params": { "name": "in the background", "jobName": name, "jobData": data.to_string() } });
    world.make("POST", "/longjobs", params).await
}

fn id(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

async fn long_job(world: &World, uuid: &str) -> Value {
    world.query(&format!("/longjobs/{uuid}")).await.pop().expect("the long job")
}

async fn in_state(world: &World, uuid: &str, state: &str) -> Value {
    let found = async || Some(long_job(world, uuid).await).filter(|job| job["state"] == state);
    eventually(&format!("the state {state}"), found).await
}

async fn act(world: &World, uuid: &str, action: &str) -> Result<Value, Refused> {
    world.call("PUT", &format!("/longjobs/{uuid}/actions"), &json!({ action: {} })).await
}

/// The content of the latest progress of a call.
async fn progress(world: &World, job: &Value) -> Option<Value> {
    world.query(&format!("/task-progresses/{}", job.as_str().expect("an id"))).await.pop()
}

async fn at_step(world: &World, job: &Value, step: &str) {
    let there = async || progress(world, job).await.filter(|entry| entry["content"] == step);
    eventually(&format!("the step {step}"), there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_too_long_for_a_slow_agent_times_out_and_is_undone() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    storage(&world, &cloud).faults().plan(On::Next("DownloadImage"), Fault::Delay(Duration::from_mins(10)));
    let (job, body) = (Uuid::random(), json!({ "params": image(&cloud, "http://images.example/slow.qcow2") }));
    world.submit_with(job, ("POST", "/images"), &body, &[("X-API-Timeout", "1")]).await;
    let error = outcome(&world, job).await.expect_err("too slow").error();
    assert_eq!(error.code, "SYS.1001", "{error}");
    assert_only_the_first(&world, &cloud).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_tells_of_its_work_is_the_progress_of_the_call() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    // The manager asks again a second later: until then the download is done and nobody knows.
    storage(&world, &cloud).faults().plan(On::Next("DownloadImage"), Fault::LoseReply);
    let (job, body) = (Uuid::random(), json!({ "params": image(&cloud, "http://images.example/some.qcow2") }));
    world.submit(job, "POST", "/images", &body).await;
    let told = async || progress(&world, &json!(job)).await.filter(|entry| entry["type"] == "Progress");
    let told = eventually("the agent's word", told).await;
    assert_eq!((&told["taskName"], &told["content"]), (&json!("DownloadImage"), &json!("100")));
    assert_eq!((&told["parentUuid"], &told["opaque"]["text"]), (&json!(job), &json!("downloading the image")));
    let all = world.query(&format!("/task-progresses/{job}?all=true")).await;
    assert_eq!((all.len(), &all[1]["subTasks"][0]["content"]), (2, &json!("100")), "{all:?}");
    outcome(&world, job).await.expect("asked again");
    assert_eq!(progress(&world, &json!(job)).await.expect("the last step")["content"], "mark-ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_job_is_stopped_undone_and_run_again() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let slow = storage(&world, &cloud);
    slow.faults().plan(On::Next("DownloadImage"), Fault::Delay(Duration::from_mins(10)));
    let submitted =
        submit_long(&world, "org.zstack.header.image.APIAddImageMsg", &image(&cloud, "http://me:s3cret@web/i")).await;
    let uuid = id(&submitted);
    at_step(&world, &submitted["apiId"], "download-image").await;
    let running = in_state(&world, &uuid, "Running").await;
    assert_eq!(running["jobName"], "APIAddImageMsg");
    assert!(!running.to_string().contains("s3cret"), "{running}");
    let refused = world.call("DELETE", &format!("/longjobs/{uuid}"), &Value::Null).await.expect_err("it runs").error();
    assert!(refused.details.contains("cancel"), "{refused}");

    act(&world, &uuid, "cancelLongJob").await.expect("told to stop");
    let cancelled = in_state(&world, &uuid, "Canceled").await;
    assert!(cancelled["jobResult"].as_str().is_some_and(|text| text.contains("SYS.1017")), "{cancelled}");
    assert_only_the_first(&world, &cloud).await;
    act(&world, &uuid, "cleanLongJob").await.expect("nothing is owed");

    let again = act(&world, &uuid, "rerunLongJob").await.expect("runs again")["inventory"].take();
    assert_ne!(again["apiId"], submitted["apiId"]);
    let done = in_state(&world, &uuid, "Succeeded").await;
    let result: Value = serde_json::from_str(done["jobResult"].as_str().expect("a result")).expect("JSON");
    assert_eq!(result["inventory"]["status"], "Ready");
    assert!(done["executeTime"].is_number());
    assert_eq!(world.query("/images").await.len(), 2);
    for (action, code) in [("cancelLongJob", "LONG_JOB.1001"), ("rerunLongJob", "SYS.1006")] {
        assert_eq!(act(&world, &uuid, action).await.expect_err("it has succeeded").error().code, code);
    }
    world.call("DELETE", &format!("/longjobs/{uuid}"), &Value::Null).await.expect("forgotten");
    assert!(world.query("/longjobs").await.is_empty());
    assert_eq!(world.query("/images").await.len(), 2, "what it made stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_job_that_fails_says_why_and_shows_no_secret() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let host = json!({ "name": "host", "managementIp": "10.9.9.1", "username": "root", "password": "s3cret",
                       "clusterUuid": cloud.cluster });
    let uuid = id(&submit_long(&world, "APIAddKVMHostMsg", &host).await);
    let failed = in_state(&world, &uuid, "Failed").await;
    let result: Value = serde_json::from_str(failed["jobResult"].as_str().expect("a result")).expect("JSON");
    assert!(result["error"]["details"].as_str().is_some_and(|text| text.contains("10.9.9.1")), "{result}");
    let data: Value = serde_json::from_str(failed["jobData"].as_str().expect("data")).expect("JSON");
    assert_eq!((&data["password"], &data["username"]), (&json!("*****"), &json!("root")));
}

/// Stops flows dead at the start of a step.
struct DiesAt {
    step: &'static str,
    died: Arc<AtomicBool>,
}

impl Probe for DiesAt {
    fn at(&self, point: Point<'_>) -> Verdict {
        match point {
            Point::StepStart { step, .. } if step == self.step => {
                self.died.store(true, Ordering::SeqCst);
                Verdict::Die
            }
            _ => Verdict::Pass,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_job_goes_on_in_the_node_s_next_life_and_so_does_its_end() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    for (cancelled, state) in [(false, "Succeeded"), (true, "Canceled")] {
        let died = Arc::new(AtomicBool::new(false));
        let probe = DiesAt { step: "download-image", died: died.clone() };
        assert!(world.kernel().faults().install(Arc::new(probe)).is_ok());
        let submitted =
            submit_long(&world, "APIAddImageMsg", &image(&cloud, "http://images.example/other.qcow2")).await;
        let uuid = id(&submitted);
        world.cut_off(&died).await;
        if cancelled {
            act(&world, &uuid, "cancelLongJob").await.expect("noted");
            assert_eq!(long_job(&world, &uuid).await["state"], "Canceling");
        }
        world.stop().await;
        world.start().await;
        in_state(&world, &uuid, state).await;
        assert_eq!(world.query("/images").await.len(), 2, "the first one, and that of the first long job");
    }
}

/// Cancels a job at the `at`th place that work passes.
struct CancelsAt {
    kernel: Kernel,
    passed: AtomicUsize,
    armed: Mutex<Option<(usize, Uuid)>>,
}

impl CancelsAt {
    fn arm(&self, armed: Option<(usize, Uuid)>) -> usize {
        *self.armed.lock().expect("not poisoned") = armed;
        self.passed.swap(0, Ordering::SeqCst)
    }
}

impl Probe for CancelsAt {
    fn at(&self, point: Point<'_>) -> Verdict {
        if matches!(point, Point::CallRequest { name: "Connect" } | Point::CallReply { name: "Connect" }) {
            return Verdict::Pass;
        }
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        match *self.armed.lock().expect("not poisoned") {
            Some((at, job)) if at == number => assert!(self.kernel.work().cancel(job), "the job is under way"),
            _ => {}
        }
        Verdict::Pass
    }
}

async fn expunge(world: &World, vm: &Value) {
    let vm = id(vm);
    world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
    let expunge = json!({ "expungeVmInstance": {} });
    world.call("PUT", &format!("/vm-instances/{vm}/actions"), &expunge).await.expect("expunged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_is_cancelled_anywhere_leaves_nothing_behind() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    expunge(&world, &world.make("POST", "/vm-instances", cloud.vm("first")).await).await;
    let (passed, armed) = (AtomicUsize::new(0), Mutex::new(None));
    let probe = Arc::new(CancelsAt { kernel: world.kernel().clone(), passed, armed });
    assert!(world.kernel().faults().install(probe.clone()).is_ok());
    let (rows, machines) = (world.rows().await, world.sims.worlds());
    probe.arm(None);
    let whole = world.make("POST", "/vm-instances", cloud.vm("counted")).await;
    let places = probe.arm(None);
    expunge(&world, &whole).await;
    assert!(places > 20, "a create passes many places, not {places}");
    let mut cancelled = 0;
    for at in 0..places {
        let job = Uuid::random();
        probe.arm(Some((at, job)));
        world.submit(job, "POST", "/vm-instances", &cloud.vm("cancelled")).await;
        let outcome = outcome(&world, job).await;
        probe.arm(None);
        match outcome {
            // Too late: then it is whole.
            Ok(answer) => {
                assert_eq!(answer["inventory"]["state"], "Running", "after a cancel at {at}");
                expunge(&world, &answer["inventory"]).await;
            }
            Err(refused) => {
                assert_eq!(refused.error().code, "SYS.1017", "after a cancel at {at}");
                cancelled += 1;
            }
        }
        let after = world.rows().await;
        for (table, before) in &rows {
            assert_eq!(&after[table], before, "{table} differs after a cancel at {at}");
        }
        assert_eq!(world.sims.worlds(), machines, "the machines differ after a cancel at {at}");
    }
    assert!(cancelled > places / 2, "only {cancelled} of {places} were stopped");
}
