//! What becomes of hosts when the node that looks after them stops, and when their packages are updated.

use std::time::{Duration, Instant};

use cumulo_agent_rt::sim::{Fault, On};
use cumulo_contracts::resource::{Host, HostState};
use cumulo_kernel::api::{ApiJob, JobState, LongJobPart};
use cumulo_schema::{Cell, Json, Uuid};
use cumulo_testkit::{Cloud, Refused, World};
use serde_json::{Value, json};

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

async fn update(world: &World, cloud: &Cloud, params: Value) -> Result<Value, Refused> {
    let path = format!("/clusters/{}/actions", cloud.cluster);
    world.call("PUT", &path, &json!({ "updateClusterOS": params })).await
}

/// The long job that `answer` tells of, once it is in `state`.
async fn in_state(world: &World, answer: &Value, state: &str) -> Value {
    let path = format!("/longjobs/{}", answer["inventory"]["uuid"].as_str().expect("a long job"));
    let since = Instant::now();
    loop {
        let job = world.query(&path).await.pop().expect("it is recorded");
        if job["state"] == state {
            return job;
        }
        assert!(matches!(job["state"].as_str(), Some("Waiting" | "Running" | "Canceling")), "{job}");
        assert!(since.elapsed() < PATIENCE, "the long job does not end: {job}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What the long job that `answer` tells of came to, by host.
async fn results(world: &World, answer: &Value) -> Value {
    let job = in_state(world, answer, "Succeeded").await;
    serde_json::from_str(job["jobResult"].as_str().expect("a text")).expect("JSON")
}

/// A second host in the cluster.
async fn second_host(world: &World, cloud: &Cloud) -> String {
    let host = json!({ "params": { "name": "second", "managementIp": "127.0.0.2", "clusterUuid": cloud.cluster,
                                   "username": "root", "password": "password" } });
    world.make("POST", "/hosts/kvm", host).await["uuid"].as_str().expect("a uuid").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_packages_of_a_cluster_are_updated_host_by_host() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let second = second_host(&world, &cloud).await;
    let [one, other] = [&cloud.host, &second].map(|uuid| world.sims.host(uuid.parse().expect("a uuid")));
    other.doors().packages.set_broken(Some("no space left"));

    let wanted = json!({ "updatePackages": ["vim", "g++"], "excludePackages": ["linux-*"], "releaseVersion": "12" });
    let mut planned = wanted.clone();
    planned["dryRun"] = json!(true);
    let plan = update(&world, &cloud, planned).await.expect("planned")["plan"].take();
    assert_eq!(
        (&plan["steps"][0]["name"], &plan["steps"][0]["count"]),
        (&json!("update-host-os"), &json!(2)),
        "{plan}"
    );
    assert_eq!(
        (one.doors().packages.done().len(), world.query("/longjobs").await.len()),
        (0, 0),
        "a plan does nothing"
    );

    one.faults().plan(On::Next("UpdateOs"), Fault::Delay(SLOW));
    let answer = update(&world, &cloud, wanted).await.expect("submitted");
    assert_eq!((&answer["inventory"]["jobName"]), &json!("APIUpdateClusterOSMsg"));
    let since = Instant::now();
    while world.query(&format!("/hosts?q=uuid={}", cloud.host)).await[0]["state"] != "PreMaintenance" {
        assert!(since.elapsed() < PATIENCE, "the host goes on taking VMs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ends = results(&world, &answer).await;
    assert_eq!(ends[&cloud.host], "success", "{ends}");
    assert!(ends[&second].as_str().is_some_and(|said| said.contains("no space left")), "{ends}");
    let done = one.doors().packages.done();
    assert_eq!((done.len(), done[0].packages[1].as_str(), done[0].excluded[0].as_str()), (1, "g++", "linux-*"));
    assert!(world.query("/hosts").await.iter().all(|host| host["state"] == "Enabled"));

    // One host, which is what a long job can be submitted for as well.
    other.doors().packages.set_broken(None);
    let answer = update(&world, &cloud, json!({ "hostUuid": second })).await.expect("submitted");
    assert_eq!(results(&world, &answer).await, json!({ second.clone(): "success" }));
    let data = json!({ "uuid": cloud.cluster, "hostUuid": second }).to_string();
    let params = json!({ "params": { "jobName": "APIUpdateClusterOSMsg", "jobData": data } });
    let answer = world.call("POST", "/longjobs", &params).await.expect("submitted");
    assert_eq!(results(&world, &answer).await, json!({ second.clone(): "success" }));
    assert_eq!((one.doors().packages.done().len(), other.doors().packages.done().len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_were_updated_are_not_updated_again_when_the_rest_is() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let second = second_host(&world, &cloud).await;
    let [one, other] = [&cloud.host, &second].map(|uuid| world.sims.host(uuid.parse().expect("a uuid")));
    other.faults().plan(On::Every("UpdateOs"), Fault::Delay(SLOW));
    let answer = update(&world, &cloud, json!({})).await.expect("submitted");
    let since = Instant::now();
    let is_recorded = async || world.kernel().db().select::<LongJobPart>().count().await.expect("readable") == 1;
    while !is_recorded().await {
        assert!(since.elapsed() < PATIENCE, "the first host is not updated");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let path = format!("/longjobs/{}/actions", answer["inventory"]["uuid"].as_str().expect("a uuid"));
    world.call("PUT", &path, &json!({ "cancelLongJob": {} })).await.expect("told to stop");
    in_state(&world, &answer, "Canceled").await;
    assert!(world.query("/hosts").await.iter().all(|host| host["state"] == "Enabled"));

    other.faults().clear();
    world.call("PUT", &path, &json!({ "rerunLongJob": {} })).await.expect("run again");
    assert_eq!(results(&world, &answer).await, json!({ cloud.host.clone(): "success", second: "success" }));
    assert_eq!(one.doors().packages.done().len(), 1, "once is enough");
    let path = path.trim_end_matches("/actions");
    world.call("DELETE", path, &Value::Null).await.expect("deleted");
    assert_eq!(world.kernel().db().select::<LongJobPart>().count().await.expect("readable"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_submitted_its_long_job_answers_it_when_it_is_handled_again() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let (job, body) = (Uuid::random(), json!({ "updateClusterOS": {} }));
    world.submit(job, "PUT", &format!("/clusters/{}/actions", cloud.cluster), &body).await;
    let since = Instant::now();
    let answer = loop {
        if let Some(answer) = world.poll(job).await {
            break answer.expect("submitted");
        }
        assert!(since.elapsed() < PATIENCE, "the call does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    results(&world, &answer).await;
    // As after a crash before the call was answered, while its host is kept from VMs.
    let long = in_state(&world, &answer, "Succeeded").await;
    let params: Value = serde_json::from_str(long["jobData"].as_str().expect("a text")).expect("JSON");
    let mut batch = world.kernel().db().batch();
    batch
        .update::<ApiJob>()
        .set(ApiJob::STATE, &JobState::Running)
        .set(ApiJob::PARAMS, &Some(Json(params)))
        .set(ApiJob::RESULT, &None::<Json<Value>>)
        .eq(ApiJob::UUID, &job)
        .expect("it is recorded");
    // Written with the answer, as all that is told of the call.
    let told = world.kernel().query().schema().resource("TimelineRow").expect("declared");
    batch.delete_from(told).column_eq("trace", Cell::Text(job.to_string())).any();
    let host: Uuid = cloud.host.parse().expect("a uuid");
    batch.update::<Host>().set(Host::STATE, &HostState::PreMaintenance).eq(Host::UUID, &host).expect("it is there");
    world.kernel().db().commit(batch).await.expect("written");
    world.stop().await;
    world.start().await;
    let since = Instant::now();
    let again = loop {
        if let Some(again) = world.poll(job).await {
            break again.expect("answered");
        }
        assert!(since.elapsed() < PATIENCE, "the call does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(again["inventory"]["uuid"], answer["inventory"]["uuid"]);
    assert_eq!(world.query("/longjobs").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_updated_now_is_refused_at_once() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await["uuid"].clone();
    let elsewhere = Uuid::random().to_string();
    for (params, why) in [
        (json!({}), "has VMs on it"),
        (json!({ "hostUuid": elsewhere }), "does not exist"),
        (json!({ "force": true, "updatePackages": ["vim-"] }), "updatePackages"),
        (json!({ "force": true, "updatePackages": ["a; reboot"] }), "updatePackages"),
        (json!({ "force": true, "excludePackages": ["x\nPackage: *"] }), "excludePackages"),
        (json!({ "force": true, "releaseVersion": "-9" }), "releaseVersion"),
    ] {
        let refused = update(&world, &cloud, params).await.expect_err(why).error();
        assert!(refused.details.contains(why), "{refused}");
    }
    assert!(world.query("/longjobs").await.is_empty());
    let answer = update(&world, &cloud, json!({ "force": true })).await.expect("submitted");
    assert_eq!(results(&world, &answer).await, json!({ cloud.host.clone(): "success" }));
    let state = world.query(&format!("/vm-instances?q=uuid={}", vm.as_str().expect("a uuid"))).await;
    assert_eq!(state[0]["state"], "Running", "VMs run on");
}
