//! What becomes of hosts when the node that looks after them stops, and when their packages are updated.

use std::time::{Duration, Instant};

use cumulo_agent_rt::sim::{Fault, On};
use cumulo_schema::Uuid;
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

/// What the long job that `answer` tells of came to, by host.
async fn results(world: &World, answer: &Value) -> Value {
    let path = format!("/longjobs/{}", answer["inventory"]["uuid"].as_str().expect("a long job"));
    let since = Instant::now();
    loop {
        let job = world.query(&path).await.pop().expect("it is recorded");
        match job["state"].as_str() {
            Some("Succeeded") => {
                return serde_json::from_str(job["jobResult"].as_str().expect("a text")).expect("JSON");
            }
            Some("Waiting" | "Running") => {}
            _ => panic!("{job}"),
        }
        assert!(since.elapsed() < PATIENCE, "the long job does not end: {job}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_packages_of_a_cluster_are_updated_host_by_host() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let host = json!({ "params": { "name": "second", "managementIp": "127.0.0.2", "clusterUuid": cloud.cluster,
                                   "username": "root", "password": "password" } });
    let second = world.make("POST", "/hosts/kvm", host).await["uuid"].as_str().expect("a uuid").to_owned();
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
