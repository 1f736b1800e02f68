//! What becomes of hosts: changed, watched, maintained, deleted.

use cumulo_contracts::{
    ext::host::HostRequest,
    message::host::{ConnectHost, ReleaseHost},
    resource::{Host, HostStatus},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use crate::fixture::{GIB, World, eventually, needs};

impl World {
    async fn act(&self, host: Uuid, action: Value) -> Result<Value, ErrorCode> {
        self.node.inventory("PUT", &format!("/hosts/{host}/actions"), action).await
    }

    /// Watches hosts every second, and believes at once what it sees.
    async fn watch_eagerly(&self) {
        let configs = self.node.kernel().configs();
        for (name, value) in [("ping.interval", "1"), ("ping.maxFailure", "1"), ("ping.sleepPeriodAfterFailure", "0")] {
            configs.set("host", name, Some(value)).await.expect("set");
        }
        cumulo_service_host::start(self.node.kernel());
    }
}

#[tokio::test]
async fn what_is_recorded_can_be_changed() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.add("10.0.0.2").await;
    let changed = world.act(host, json!({ "updateHost": { "name": "it's \"h\"", "description": "d" } })).await;
    let changed = changed.expect("changed");
    assert_eq!((&changed["name"], &changed["description"]), (&json!("it's \"h\""), &json!("d")));
    let taken = world.act(host, json!({ "updateHost": { "managementIp": "10.0.0.2" } })).await;
    assert!(taken.expect_err("another host's").details.contains("already"));

    let body = json!({ "updateKVMHost": { "username": "ops", "password": "new-pa55", "sshPort": 2222 } });
    let changed = world.node.inventory("PUT", &format!("/hosts/kvm/{host}/actions"), body).await.expect("changed");
    assert_eq!((&changed["username"], &changed["sshPort"]), (&json!("ops"), &json!(2222)));
    assert!(!changed.to_string().contains("new-pa55"));
}

#[tokio::test]
async fn reconnecting_deploys_again_and_says_when_it_fails() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    assert_eq!(world.machines.state().connected[&host], 1);
    world.act(host, json!({ "reconnectHost": {} })).await.expect("reconnected");
    assert_eq!(world.machines.state().connected[&host], 2);

    world.machines.state().refuses = Some("the disk of 10.0.0.1 is full; free some space");
    let error = world.act(host, json!({ "reconnectHost": {} })).await.expect_err("it refuses");
    assert_eq!(
        (error.code.as_str(), error.details.as_str()),
        ("HOST.1000", "the disk of 10.0.0.1 is full; free some space")
    );
    assert_eq!(world.host(host).await["status"], "Disconnected");

    world.machines.state().refuses = None;
    world.node.kernel().bus().call(ConnectHost { host, deploy: false }).await.expect("connected");
    assert_eq!(world.host(host).await["status"], "Connected");
}

#[tokio::test]
async fn a_node_that_goes_away_says_nothing_of_the_host_that_it_was_connecting() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.machines.state().cut_off = true;
    let connect = ConnectHost { host, deploy: false };
    let error = world.node.kernel().bus().call(connect.clone()).await.expect_err("cut off");
    assert!(error.cause.is_some_and(|cause| cause.code == "SYS.1012"), "who connects hosts sees that it was");
    assert_eq!(world.host(host).await["status"], "Connected");

    world.machines.state().cut_off = false;
    world.machines.state().unprepared = Some("its bridge is gone");
    world.node.kernel().bus().call(connect).await.expect_err("it cannot be prepared");
    assert_eq!(world.host(host).await["status"], "Disconnected");
}

#[tokio::test]
async fn a_host_that_grew_offers_more_and_what_is_held_stays_held() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.allocate(Uuid::random(), needs(1, 5 * GIB)).await.expect("there is room");
    world.machines.state().memory = Some(32 * GIB);
    world.act(host, json!({ "reconnectHost": {} })).await.expect("reconnected");
    let seen = world.host(host).await;
    assert_eq!((&seen["totalMemoryCapacity"], &seen["availableMemoryCapacity"]), (&json!(32 * GIB), &json!(26 * GIB)));
}

#[tokio::test]
async fn maintenance_stops_the_vms_first() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    let vm = Uuid::random();
    world.allocate(vm, needs(1, GIB)).await.expect("there is room");
    let maintain = || world.act(host, json!({ "changeHostState": { "stateEvent": "maintain" } }));
    world.machines.state().stuck = true;
    let error = maintain().await.expect_err("the VM does not stop");
    assert!(error.details.contains("could be stopped for its maintenance"), "{error}");
    assert_eq!(world.host(host).await["state"], "Enabled");

    world.machines.state().stuck = false;
    assert_eq!(maintain().await.expect("empty")["state"], "Maintenance");
    let host_is_empty = world.host(host).await["availableCpuCapacity"] == world.host(host).await["totalCpuCapacity"];
    assert!(host_is_empty, "the VM holds nothing any more");
    assert_eq!(maintain().await.expect("asked again")["state"], "Maintenance");
    world.allocate(vm, needs(1, GIB)).await.expect_err("it takes none");
    let enabled = world.act(host, json!({ "changeHostState": { "stateEvent": "enable" } })).await.expect("enabled");
    assert_eq!(enabled["state"], "Enabled");
    world.allocate(vm, needs(1, GIB)).await.expect("it takes some again");
}

#[tokio::test]
async fn a_host_that_falls_silent_is_disconnected_and_comes_back_by_itself() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.watch_eagerly().await;
    world.machines.state().silent.insert(host);
    world.await_field(host, "status", &json!("Disconnected")).await;
    world.allocate(Uuid::random(), needs(1, GIB)).await.expect_err("it takes no VM");
    world.machines.state().silent.clear();
    world.await_field(host, "status", &json!("Connected")).await;
    assert_eq!(world.machines.state().connected[&host], 1, "nothing is deployed by itself");
}

#[tokio::test]
async fn a_host_that_was_being_connected_when_its_node_was_given_up_is_connected_anew() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.watch_eagerly().await;
    world.machines.state().silent.insert(host);
    world.await_field(host, "status", &json!("Disconnected")).await;
    {
        let mut state = world.machines.state();
        state.cut_off = true;
        state.prepared.clear();
        state.silent.clear();
    }
    eventually("the host to be found", async || world.machines.state().prepared.contains(&host)).await;
    let configs = world.node.kernel().configs();
    configs.set("host", "ping.interval", Some("3600")).await.expect("set");
    world.await_field(host, "status", &json!("Disconnected")).await;
    // What a node writes that was given up is refused: its last word stays.
    let mut batch = world.node.kernel().db().batch();
    batch.update::<Host>().set(Host::STATUS, &HostStatus::Connecting).eq(Host::UUID, &host).any();
    world.node.kernel().db().commit(batch).await.expect("updated");
    world.machines.state().cut_off = false;
    configs.set("host", "ping.interval", Some("1")).await.expect("set");
    world.await_field(host, "status", &json!("Connected")).await;
}

#[tokio::test]
async fn a_node_that_starts_again_connects_its_hosts_without_deploying() {
    let world = World::new().await;
    let (here, away) = (world.add("10.0.0.1").await, world.add("10.0.0.2").await);
    world.machines.state().silent.insert(away);
    let world = world.restart().await;
    world.machines.state().prepared.clear();
    world.watch_eagerly().await;
    world.await_field(away, "status", &json!("Disconnected")).await;
    eventually("the other one to be prepared", async || world.machines.state().prepared.contains(&here)).await;
    world.await_field(here, "status", &json!("Connected")).await;
    assert_eq!(world.machines.state().connected[&here], 1);
}

#[tokio::test]
async fn the_settings_of_capacity_are_taken_up_by_the_watch() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.watch_eagerly().await;
    world.node.kernel().configs().set("host", "cpu.overProvisioning.ratio", Some("2")).await.expect("set");
    world.await_field(host, "totalCpuCapacity", &json!(8)).await;
    assert_eq!(world.host(host).await["availableCpuCapacity"], 8);
}

#[tokio::test]
async fn a_deleted_host_is_gone_with_all_that_was_prepared() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    let vm = Uuid::random();
    world.allocate(vm, needs(1, GIB)).await.expect("there is room");
    let path = format!("/hosts/{host}");
    let delete = || world.node.call("DELETE", &path, Value::Null);
    let error = delete().await.expect_err("a VM holds something there");
    assert!(error.cause.expect("why").details.contains("still has 1 VM;"));

    world.node.kernel().bus().call(ReleaseHost { vm }).await.expect("released");
    delete().await.expect("deleted");
    world.assert_empty("deleted").await;
    delete().await.expect("gone is fine");
}

#[tokio::test]
async fn an_enforced_delete_takes_the_books_with_it() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.allocate(Uuid::random(), needs(1, GIB)).await.expect("there is room");
    let path = format!("/hosts/{host}?deleteMode=Enforcing");
    world.node.call("DELETE", &path, Value::Null).await.expect("deleted");
    world.assert_empty("enforced").await;
}

#[tokio::test]
async fn capacity_is_summed_over_what_can_be_used() {
    let world = World::new().await;
    let (first, second) = (world.add("10.0.0.1").await, world.add("10.0.0.2").await);
    world.allocate(Uuid::random(), HostRequest { host: Some(first), ..needs(2, GIB) }).await.expect("there is room");
    let target = format!("/hosts/capacities/cpu-memory?zoneUuids={}", world.zone);
    let sums = world.node.call("GET", &target, Value::Null).await.expect("summed");
    assert_eq!((&sums["totalCpu"], &sums["availableCpu"]), (&json!(80), &json!(78)));
    assert_eq!((&sums["totalMemory"], &sums["availableMemory"]), (&json!(32 * GIB), &json!(29 * GIB)));
    assert_eq!(sums["resourceType"], "ZoneVO");

    world.act(second, json!({ "changeHostState": { "stateEvent": "disable" } })).await.expect("disabled");
    let sums = world.node.call("GET", "/hosts/capacities/cpu-memory?all=true", Value::Null).await.expect("summed");
    assert_eq!(sums["totalCpu"], 40, "a disabled host offers nothing");
    world.node.call("GET", "/hosts/capacities/cpu-memory", Value::Null).await.expect_err("of what?");
}

#[tokio::test]
async fn what_this_build_knows_can_be_asked() {
    let world = World::new().await;
    let types = world.node.call("GET", "/hosts/hypervisor-types", Value::Null).await.expect("answered");
    assert_eq!(types["hypervisorTypes"], json!(["KVM"]));
    let strategies = world.node.call("GET", "/hosts/allocators/strategies", Value::Null).await.expect("answered");
    assert_eq!(strategies["strategies"][0], "LeastVmPreferredHostAllocatorStrategy");
}
