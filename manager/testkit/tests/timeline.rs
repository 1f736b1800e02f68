//! What `GetResourceTimeline` tells of a VM's life: what happened, in which order, and because of what.

use std::time::{Duration, Instant};

use cumulo_agent_rt::sim::{Fault, On};
use cumulo_schema::Uuid;
use cumulo_testkit::World;
use serde_json::{Value, json};

fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

async fn timeline(world: &World, resource: &str) -> Vec<Value> {
    world.query(&format!("/resources/{resource}/timeline")).await
}

/// The entries of a kind.
fn of<'t>(timeline: &'t [Value], kind: &str) -> Vec<&'t Value> {
    timeline.iter().filter(|entry| entry["type"] == kind).collect()
}

fn names<'t>(entries: &[&'t Value]) -> Vec<&'t str> {
    entries.iter().map(|entry| entry["name"].as_str().expect("a name")).collect()
}

/// Waits for an entry that `is`.
async fn eventually(world: &World, resource: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let now = timeline(world, resource).await;
        if let Some(entry) = now.iter().find(|entry| is(entry)) {
            return entry.clone();
        }
        assert!(Instant::now() < deadline, "not in {now:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vms_life_is_told_in_order_and_with_causes_also_after_a_restart() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm1")).await);
    let actions = format!("/vm-instances/{vm}/actions");
    world.make("PUT", &actions, json!({ "stopVmInstance": {} })).await;
    world.make("PUT", &actions, json!({ "updateVmInstance": { "name": "renamed" } })).await;
    world.call("PUT", &actions, &json!({ "stopVmInstance": { "dryRun": true } })).await.expect("planned");
    world.call("PUT", &actions, &json!({ "pauseVmInstance": {} })).await.expect_err("it does not run");

    let told = timeline(&world, &vm).await;
    let apis = of(&told, "Api");
    assert_eq!(names(&apis), ["CreateVmInstance", "StopVmInstance", "UpdateVmInstance", "PauseVmInstance"]);
    let results: Vec<&Value> = apis.iter().map(|api| &api["result"]).collect();
    assert_eq!(results, ["Succeeded", "Succeeded", "Succeeded", "Failed"]);
    assert!(apis[3]["error"].as_str().is_some_and(|error| error.contains("VM.1002")), "{}", apis[3]);

    let flows = of(&told, "Flow");
    assert_eq!(names(&flows), ["create-vm", "stop-vm", "pause-vm"], "{told:#?}");
    for (flow, api) in flows.iter().zip([apis[0], apis[1], apis[3]]) {
        assert_eq!((&flow["apiId"], &flow["api"]), (&api["apiId"], &api["name"]), "the call is its cause");
    }
    let created: Vec<&Value> =
        told.iter().filter(|entry| entry["flowUuid"] == flows[0]["flowUuid"] && entry["type"] == "Step").collect();
    let steps = names(&created);
    assert_eq!((steps.first(), steps.last()), (Some(&"record-vm"), Some(&"mark-running")), "{steps:?}");
    assert!(created.iter().all(|step| step["result"] == "Succeeded" && step["took"].is_i64()));

    let commands = of(&told, "Command");
    let start = commands.iter().find(|command| command["name"] == "StartVm").expect("the agent was told");
    assert_eq!((&start["step"], &start["agentUuid"]), (&json!("start-on-host"), &json!(cloud.host)));
    assert_eq!((&start["flowUuid"], &start["result"]), (&flows[0]["flowUuid"], &json!("Succeeded")));
    assert!(start["taskUuid"].is_string(), "{start}");
    let states: Vec<&Value> = of(&told, "State").iter().map(|change| &change["newState"]).collect();
    assert!(states.contains(&&json!("Running")) && states.last() == Some(&&json!("Stopped")), "{states:?}");

    let at = |entry: &Value| entry["time"].as_i64().expect("a time");
    assert!(told.windows(2).all(|two| at(&two[0]) <= at(&two[1])), "in order");
    let place = |kind: &str, name: &str| told.iter().position(|entry| entry["type"] == kind && entry["name"] == name);
    assert!(place("Api", "CreateVmInstance") < place("Flow", "create-vm"));
    assert!(place("Step", "start-on-host") < place("Command", "StartVm"));
    assert!(place("Command", "StartVm") < place("Step", "mark-running"));

    // The call and its flow.
    let latest = world.query(&format!("/resources/{vm}/timeline?limit=2")).await;
    assert_eq!((names(&of(&latest, "Api")), of(&latest, "Flow").len()), (vec!["PauseVmInstance"], 1));
    world.stop().await;
    world.start().await;
    let before: Vec<Value> = of(&told, "Step").into_iter().cloned().collect();
    let after = timeline(&world, &vm).await;
    assert_eq!(of(&after, "Step"), before.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_create_is_told_with_its_undo() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let host: Uuid = cloud.host.parse().expect("a uuid");
    world.sims.host(host).faults().plan(On::Next("StartVm"), Fault::FailBefore);
    let vm = Uuid::random().to_string();
    let vm = format!("{}4{}a{}", &vm[..12], &vm[13..16], &vm[17..]);
    let mut body = cloud.vm("vm1");
    body["params"]["resourceUuid"] = json!(vm);
    world.call("POST", "/vm-instances", &body).await.expect_err("the agent fails");
    let told = timeline(&world, &vm).await;
    assert_eq!((&told[0]["name"], &told[0]["result"]), (&json!("CreateVmInstance"), &json!("Failed")));
    let flows = of(&told, "Flow");
    assert_eq!((flows.len(), &flows[0]["result"]), (1, &json!("Failed")));
    assert!(flows[0]["error"].is_string(), "{}", flows[0]);
    let failed: Vec<&str> =
        names(&told.iter().filter(|entry| entry["result"] == "Failed" && entry["type"] == "Step").collect::<Vec<_>>());
    assert_eq!(failed, ["start-on-host"]);
    let command = of(&told, "Command").into_iter().find(|command| command["name"] == "StartVm").expect("told");
    assert_eq!(command["result"], "Failed");
    let (steps, undone) = (names(&of(&told, "Step")), names(&of(&told, "Undo")));
    let newest_first: Vec<&str> = steps.into_iter().rev().collect();
    assert_eq!(undone, newest_first, "all that had started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_told_too() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm1")).await);
    let faults = world.sims.host(cloud.host.parse().expect("a uuid"));
    faults.faults().plan(On::Next("StopVm"), Fault::Delay(Duration::from_secs(3)));
    let (job, stop) = (Uuid::random(), json!({ "stopVmInstance": {} }));
    world.submit(job, "PUT", &format!("/vm-instances/{vm}/actions"), &stop).await;
    let command = eventually(&world, &vm, |entry| entry["name"] == "StopVm").await;
    assert_eq!((&command["result"], &command["apiId"]), (&json!("Running"), &json!(job)));
    let now = timeline(&world, &vm).await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let running = now.iter().filter(|entry| entry["result"] == "Running");
    let running: Vec<String> =
        running.map(|entry| format!("{} {}", text(&entry["type"]), text(&entry["name"]))).collect();
    assert_eq!(running, ["Api StopVmInstance", "Flow stop-vm", "Step stop-on-host", "Command StopVm"]);
    eventually(&world, &vm, |entry| entry["name"] == "StopVmInstance" && entry["result"] == "Succeeded").await;
    let now = timeline(&world, &vm).await;
    assert!(now.iter().all(|entry| entry["result"] != "Running"), "{now:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_sees_what_it_owns_and_of_what_is_gone_what_it_did() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let share =
        json!({ "shareResource": { "resourceUuids": [cloud.image, cloud.l3, cloud.offering], "toPublic": true } });
    world.call("PUT", "/accounts/resources/actions", &share).await.expect("shared");
    let (admins_vm, (_, alice), (_, bob)) = (
        uuid(&world.make("POST", "/vm-instances", cloud.vm("vm1")).await),
        world.account("alice").await,
        world.account("bob").await,
    );
    world.use_session(alice.clone());
    let hers = uuid(&world.make("POST", "/vm-instances", cloud.vm("hers")).await);
    assert_eq!(names(&of(&timeline(&world, &hers).await, "Flow")), ["create-vm"]);
    let unseen = async |world: &World, resource: &str| {
        let path = format!("/resources/{resource}/timeline");
        assert_eq!(world.call("GET", &path, &Value::Null).await.expect_err("not its own").error().code, "SYS.1003");
    };
    unseen(&world, &admins_vm).await;
    unseen(&world, &cloud.host).await;
    unseen(&world, &Uuid::random().to_string()).await;
    world.call("DELETE", &format!("/vm-instances/{hers}"), &Value::Null).await.expect("destroyed");
    let expunge = json!({ "expungeVmInstance": {} });
    world.call("PUT", &format!("/vm-instances/{hers}/actions"), &expunge).await.expect("expunged");
    let apis = ["CreateVmInstance", "DestroyVmInstance", "ExpungeVmInstance"];
    assert_eq!(names(&of(&timeline(&world, &hers).await, "Api")), apis);
    world.use_session(bob);
    unseen(&world, &hers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_lost_and_found_is_told_of() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    for (name, value) in [("ping.interval", "1"), ("ping.maxFailure", "1"), ("ping.sleepPeriodAfterFailure", "0")] {
        world.kernel().configs().set("host", name, Some(value)).await.expect("set");
    }
    let changed = |old: &'static str, new: &'static str| {
        move |entry: &Value| entry["type"] == "State" && entry["oldState"] == old && entry["newState"] == new
    };
    let faults = world.sims.host(cloud.host.parse().expect("a uuid")).faults().clone();
    faults.plan(On::Every("Ping"), Fault::DropRequest);
    let lost = eventually(&world, &cloud.host, changed("Connected", "Disconnected")).await;
    faults.clear();
    let found = eventually(&world, &cloud.host, |entry| {
        changed("Connecting", "Connected")(entry) && entry["time"].as_i64() > lost["time"].as_i64()
    })
    .await;
    let told = timeline(&world, &cloud.host).await;
    let states = of(&told, "State");
    let at = |wanted: &Value| states.iter().position(|entry| *entry == wanted).expect("it is still told");
    let between: Vec<(&Value, &Value)> =
        states[at(&lost)..=at(&found)].iter().map(|entry| (&entry["oldState"], &entry["newState"])).collect();
    let expected = [("Connected", "Disconnected"), ("Disconnected", "Connecting"), ("Connecting", "Connected")];
    assert_eq!(between, expected.map(|(old, new)| (json!(old), json!(new))).each_ref().map(|(old, new)| (old, new)));
    assert_eq!(names(&of(&told, "Api")), ["AddKVMHost"], "not those of what was made on it");
}
