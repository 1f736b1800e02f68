//! A cloud without hardware: a VM's whole life on simulated hosts, over restarts of the node.

use std::time::{Duration, Instant};

use cumulo_plugin_simulator::{Power, SimulatorFile, SimulatorVm};
use cumulo_schema::Uuid;
use cumulo_testkit::{Cloud, World};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

async fn act(world: &World, vm: &str, action: &str) -> Value {
    world.make("PUT", &format!("/vm-instances/{vm}/actions"), json!({ action: {} })).await
}

/// What `vm` is on its pretended host.
async fn power(world: &World, vm: &str) -> Option<Power> {
    let vm: Uuid = vm.parse().expect("a uuid");
    world.kernel().db().find(SimulatorVm::VM_UUID, &vm).await.expect("readable").map(|row| row.power)
}

async fn one(world: &World, path: &str) -> Value {
    world.query(path).await.pop().expect("it is there")
}

async fn connected(world: &World, cloud: &Cloud) {
    let deadline = Instant::now() + PATIENCE;
    while one(world, &format!("/hosts/{}", cloud.host)).await["status"] != "Connected" {
        assert!(Instant::now() < deadline, "the host did not connect within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_lives_on_a_simulated_host_and_outlives_the_node() {
    let mut world = World::new().await;
    let cloud = world.simulated_cloud().await;
    let before = world.rows().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm1")).await;
    assert_eq!((&vm["state"], &vm["hypervisorType"]), (&json!("Running"), &json!("Simulator")));
    assert_eq!(vm["hostUuid"], cloud.host);
    let ip = vm["vmNics"][0]["ip"].as_str().expect("an address").to_owned();
    assert!(ip.starts_with("10.0.101."), "{ip}");
    let volume = &vm["allVolumes"][0];
    assert_eq!((&volume["status"], &volume["primaryStorageUuid"]), (&json!("Ready"), &json!(cloud.primary_storage)));
    let vm = uuid(&vm);

    world.stop().await;
    world.start().await;
    assert_eq!(one(&world, &format!("/vm-instances/{vm}")).await["state"], "Running");
    assert_eq!(power(&world, &vm).await, Some(Power::Running), "a host keeps running while the node restarts");
    connected(&world, &cloud).await;
    for (action, state, on_host) in [
        ("pauseVmInstance", "Paused", Some(Power::Paused)),
        ("resumeVmInstance", "Running", Some(Power::Running)),
        ("rebootVmInstance", "Running", Some(Power::Running)),
        ("stopVmInstance", "Stopped", None),
        ("startVmInstance", "Running", Some(Power::Running)),
        ("pauseVmInstance", "Paused", Some(Power::Paused)),
    ] {
        assert_eq!(act(&world, &vm, action).await["state"], state, "{action}");
        assert_eq!(power(&world, &vm).await, on_host, "{action}");
    }
    world.stop().await;
    world.start().await;
    connected(&world, &cloud).await;
    let row = one(&world, &format!("/vm-instances/{vm}")).await;
    assert_eq!((&row["state"], &row["vmNics"][0]["ip"]), (&json!("Paused"), &json!(ip)));

    let console = world.call("GET", &format!("/vm-instances/{vm}/console-addresses"), &Value::Null).await;
    let refused = console.expect_err("there is no console").error();
    assert!(refused.details.contains("has no console"), "{refused}");

    world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
    assert_eq!(power(&world, &vm).await, None);
    let expunge = json!({ "expungeVmInstance": {} });
    world.call("PUT", &format!("/vm-instances/{vm}/actions"), &expunge).await.expect("expunged");
    // What is free on the pretended disk is read when a storage is looked at.
    let path = format!("/primary-storage/{}/actions", cloud.primary_storage);
    world.make("PUT", &path, json!({ "reconnectPrimaryStorage": {} })).await;
    let after = world.rows().await;
    for (table, rows) in before.iter().filter(|(table, _)| *table != "UsedIp") {
        assert_eq!(&after[table], rows, "{table}: what a VM had is given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_and_storages_are_counted_as_real_ones() {
    let world = World::new().await;
    let cloud = world.simulated_cloud().await;
    let host = one(&world, &format!("/hosts/{}", cloud.host)).await;
    assert_eq!((&host["status"], &host["cpuNum"], &host["cpuCapacity"]), (&json!("Connected"), &json!(16), &json!(16)));
    assert_eq!(host["totalMemoryCapacity"], 64_i64 << 30);
    assert_eq!(host["memoryCapacity"], 64_i64 << 30);
    let path = format!("/backup-storage/{}", cloud.backup_storage);
    let deadline = Instant::now() + PATIENCE;
    while one(&world, &path).await["availableCapacity"] != (1_i64 << 40) - (64 << 20) {
        assert!(Instant::now() < deadline, "the image's space is not counted: {}", one(&world, &path).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut body = cloud.vm("bare");
    let bare = json!({ "params": { "name": "bare", "l2NetworkUuid": cloud.l2 } });
    let bare = uuid(&world.make("POST", "/l3-networks", bare).await);
    let range = json!({ "params": { "name": "range", "startIp": "10.7.0.10", "endIp": "10.7.0.20",
                                    "netmask": "255.255.255.0", "gateway": "10.7.0.1" } });
    world.make("POST", &format!("/l3-networks/{bare}/ip-ranges"), range).await;
    body["params"]["l3NetworkUuids"] = json!([bare]);
    body["params"]["rootDiskSize"] = json!(2_i64 << 30);
    let vm = world.make("POST", "/vm-instances", body).await;
    let ip = vm["vmNics"][0]["ip"].as_str().expect("an address without DHCP too").to_owned();
    assert!(ip.starts_with("10.7.0."), "{ip}");
    let storage = one(&world, &format!("/primary-storage/{}", cloud.primary_storage)).await;
    assert_eq!(storage["availableCapacity"], (1_i64 << 40) - (2 << 30));

    let reconnect = |group: &str, uuid: &str, action: &str| {
        let (path, body) = (format!("/{group}/{uuid}/actions"), json!({ action: {} }));
        let world = &world;
        async move { world.make("PUT", &path, body).await }
    };
    let storage = reconnect("primary-storage", &cloud.primary_storage, "reconnectPrimaryStorage").await;
    assert_eq!(storage["availablePhysicalCapacity"], (1_i64 << 40) - (64 << 20), "the file of the root volume");
    assert_eq!(reconnect("hosts", &cloud.host, "reconnectHost").await["status"], "Connected");
    assert_eq!(
        reconnect("backup-storage", &cloud.backup_storage, "reconnectBackupStorage").await["status"],
        "Connected"
    );
    assert_eq!(one(&world, &format!("/vm-instances/{}", uuid(&vm))).await["state"], "Running");

    let mut huge = cloud.vm("huge");
    huge["params"]["rootDiskSize"] = json!(2_i64 << 40);
    let error = world.call("POST", "/vm-instances", &huge).await.expect_err("no storage is that large").error();
    let text = serde_json::to_string(&error).expect("JSON");
    assert!(text.contains("lacks") && text.contains("of space"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_takes_its_pretended_world_along() {
    let world = World::new().await;
    let cloud = world.simulated_cloud().await;
    let second = world.simulated_host(&cloud.cluster, "127.0.0.2").await;
    for (n, host) in [&cloud.host, &second].into_iter().enumerate() {
        let mut body = cloud.vm(&format!("vm{n}"));
        body["params"]["hostUuid"] = json!(host);
        assert_eq!(world.make("POST", "/vm-instances", body).await["hostUuid"], **host);
    }
    let vms = async || world.kernel().db().select::<SimulatorVm>().count().await.expect("readable");
    let files = async || world.kernel().db().select::<SimulatorFile>().count().await.expect("readable");
    assert_eq!((vms().await, files().await), (2, 3), "two VMs with a root volume each, and the image");
    world.call("DELETE", &format!("/hosts/{second}?deleteMode=Enforcing"), &Value::Null).await.expect("deleted");
    assert_eq!(vms().await, 1);
    let path = format!("/primary-storage/{}?deleteMode=Enforcing", cloud.primary_storage);
    world.call("DELETE", &path, &Value::Null).await.expect("deleted");
    assert_eq!((vms().await, files().await), (0, 1));
    let path = format!("/backup-storage/{}?deleteMode=Enforcing", cloud.backup_storage);
    world.call("DELETE", &path, &Value::Null).await.expect("deleted");
    assert_eq!(files().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_and_the_simulated_stay_apart() {
    let world = World::new().await;
    let (real, simulated) = (world.cloud().await, world.simulated_cloud().await);
    let host = json!({ "params": { "name": "h", "managementIp": "127.0.0.9", "clusterUuid": real.cluster } });
    let error = world.call("POST", "/hosts/simulators", &host).await.expect_err("a cluster of KVM hosts").error();
    assert!(error.details.contains("is for KVM hosts"), "{error}");

    // One zone with both: the image says where its VMs go.
    let cluster = json!({ "params": { "name": "both", "hypervisorType": "Simulator", "zoneUuid": real.zone } });
    let cluster = uuid(&world.make("POST", "/clusters", cluster).await);
    let host = world.simulated_host(&cluster, "127.0.0.3").await;
    let storage = json!({ "params": { "name": "ps", "url": "nowhere", "zoneUuid": real.zone, "totalCapacity": 1_i64 << 40,
                                      "availableCapacity": 1_i64 << 40 } });
    let storage = uuid(&world.make("POST", "/primary-storage/simulators", storage).await);
    for (cluster, storage, why) in
        [(&real.cluster, &storage, "is for hosts of type Simulator"), (&cluster, &real.primary_storage, "told no size")]
    {
        let path = format!("/clusters/{cluster}/primary-storage/{storage}");
        let error = world.call("POST", &path, &json!({ "params": {} })).await.expect_err("not theirs").error();
        assert!(error.to_string().contains(why), "{error}");
    }
    for path in [
        format!("/clusters/{cluster}/primary-storage/{storage}"),
        format!("/l2-networks/{}/clusters/{cluster}", real.l2),
        format!("/zones/{}/backup-storage/{}", real.zone, simulated.backup_storage),
    ] {
        world.make("POST", &path, json!({ "params": {} })).await;
    }
    for (image, host) in [(&real.image, &real.host), (&simulated.image, &host)] {
        let mut body = real.vm("vm");
        body["params"]["imageUuid"] = json!(image);
        assert_eq!(world.make("POST", "/vm-instances", body).await["hostUuid"], **host);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes_that_cannot_be_are_refused() {
    let world = World::new().await;
    let cloud = world.simulated_cloud().await;
    let host = |more: Value| {
        let mut body = json!({ "name": "h", "managementIp": "127.0.0.9", "clusterUuid": cloud.cluster });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "params": body })
    };
    for more in [json!({ "cpuCapacity": 0 }), json!({ "cpuCapacity": 1_i64 << 40 }), json!({ "memoryCapacity": -1 })] {
        let error = world.call("POST", "/hosts/simulators", &host(more.clone())).await.expect_err("refused").error();
        assert!(error.details.contains("must be between"), "{more}: {error}");
    }
    let storage = json!({ "params": { "name": "ps", "url": "u", "zoneUuid": cloud.zone, "totalCapacity": 1,
                                      "availableCapacity": 2 } });
    for path in ["/primary-storage/simulators", "/backup-storage/simulators"] {
        let error = world.call("POST", path, &storage).await.expect_err("more free than there is").error();
        assert!(error.details.contains("availableCapacity"), "{path}: {error}");
    }
    assert_eq!(world.query("/hosts").await.len(), 1);
    world.make("POST", "/hosts/simulators", host(json!({}))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_vm_becomes_an_image_on_simulated_storage() {
    let world = World::new().await;
    let cloud = world.simulated_cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
    act(&world, &uuid(&vm), "stopVmInstance").await;
    let files = async || world.kernel().db().select::<SimulatorFile>().count().await.expect("readable");
    assert_eq!(files().await, 2, "the root volume and its image");
    let path = format!("/images/root-volume-templates/from/volumes/{}", vm["rootVolumeUuid"].as_str().expect("a uuid"));
    let made = world.make("POST", &path, json!({ "params": { "name": "template" } })).await;
    assert_eq!((&made["status"], &made["size"]), (&json!("Ready"), &json!(1_i64 << 30)));
    assert_eq!(made["md5Sum"].as_str().map(str::len), Some(32));
    assert_eq!(files().await, 3, "nothing stays beside the volume");
    let mut twin = cloud.vm("twin");
    twin["params"]["imageUuid"] = made["uuid"].clone();
    assert_eq!(world.make("POST", "/vm-instances", twin).await["state"], "Running");

    let small =
        json!({ "params": { "name": "small", "url": "nowhere", "totalCapacity": 1024, "availableCapacity": 1024 } });
    let small = uuid(&world.make("POST", "/backup-storage/simulators", small).await);
    world.make("POST", &format!("/zones/{}/backup-storage/{small}", cloud.zone), json!({ "params": {} })).await;
    let params = json!({ "params": { "name": "large", "backupStorageUuids": [cloud.backup_storage, small] } });
    let refused = world.call("POST", &path, &params).await.expect_err("one of them is too small").error();
    assert!(refused.to_string().contains("add a larger one"), "{refused}");
    assert_eq!(files().await, 4, "and so none has it");
    assert_eq!(world.query("/images").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_switched_off_takes_no_vm() {
    let world = World::new().await;
    let cloud = world.simulated_cloud().await;
    let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm")).await);
    act(&world, &vm, "stopVmInstance").await;
    let start = json!({ "startVmInstance": {} });
    let start_path = format!("/vm-instances/{vm}/actions");
    for (path, call, event, why) in [
        (format!("/zones/{}/actions", cloud.zone), "changeZoneState", "disable", "its zone 'zone'"),
        (format!("/clusters/{}/actions", cloud.cluster), "changeClusterState", "disable", "its cluster 'cluster'"),
        (
            format!("/primary-storage/{}/actions", cloud.primary_storage),
            "changePrimaryStorageState",
            "maintain",
            "in maintenance",
        ),
    ] {
        world.make("PUT", &path, json!({ call: { "stateEvent": event } })).await;
        let refused = world.call("PUT", &start_path, &start).await.expect_err(why).error();
        assert_eq!(refused.code, "HOST_ALLOCATION.1001", "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
        world.call("POST", "/vm-instances", &cloud.vm("new")).await.expect_err(why);
        world.make("PUT", &path, json!({ call: { "stateEvent": "enable" } })).await;
    }
    act(&world, &vm, "startVmInstance").await;
    // What is there goes on.
    world
        .make(
            "PUT",
            &format!("/zones/{}/actions", cloud.zone),
            json!({ "changeZoneState": { "stateEvent": "disable" } }),
        )
        .await;
    act(&world, &vm, "rebootVmInstance").await;
}
