//! A VM's life through the API, with simulated machines.

use cumulo_schema::Uuid;
use cumulo_testkit::World;
use serde_json::{Value, json};

fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

async fn act(world: &World, vm: &str, action: &str) -> Value {
    world.make("PUT", &format!("/vm-instances/{vm}/actions"), json!({ action: {} })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn created_stopped_started_paused_destroyed_recovered_and_expunged() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let before = world.rows().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm1")).await;
    assert_eq!(vm["state"], "Running");
    assert_eq!(vm["hostUuid"], cloud.host);
    let nic = &vm["vmNics"][0];
    let ip = nic["ip"].as_str().expect("an address");
    assert!(ip.starts_with("10.0.101."), "{ip}");
    assert_eq!(nic["usedIps"][0]["ip"], ip);
    assert_eq!(vm["allVolumes"][0]["status"], "Ready");
    let vm = uuid(&vm);
    let host: Uuid = cloud.host.parse().expect("a uuid");
    let on_host = || world.sims.host(host).world();
    assert_eq!(on_host().vms.len(), 1);
    assert_eq!(on_host().leases.len(), 1);

    for (action, state) in [
        ("pauseVmInstance", "Paused"),
        ("resumeVmInstance", "Running"),
        ("rebootVmInstance", "Running"),
        ("stopVmInstance", "Stopped"),
        ("startVmInstance", "Running"),
    ] {
        assert_eq!(act(&world, &vm, action).await["state"], state, "{action}");
    }
    let console =
        world.call("GET", &format!("/vm-instances/{vm}/console-addresses"), &Value::Null).await.expect("answered");
    assert_eq!(console["protocol"], "vnc");
    world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
    assert_eq!(world.query(&format!("/vm-instances/{vm}")).await[0]["state"], "Destroyed");
    assert!(on_host().vms.is_empty(), "a destroyed VM is off its host");
    assert_eq!(act(&world, &vm, "recoverVmInstance").await["state"], "Stopped");
    assert_eq!(act(&world, &vm, "startVmInstance").await["state"], "Running");
    world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
    let expunge = json!({ "expungeVmInstance": {} });
    world.call("PUT", &format!("/vm-instances/{vm}/actions"), &expunge).await.expect("expunged");
    assert!(world.query(&format!("/vm-instances/{vm}")).await.is_empty());
    // The image stays cached on the host, and so do its rows; everything else is as it was.
    let mut after = world.rows().await;
    let mut before = before;
    for cached in ["LocalStorageResourceRef", "LocalStorageHostRef", "PrimaryStorage"] {
        before.remove(cached);
        after.remove(cached);
    }
    let own_dhcp = |rows: &Value| {
        let rows = rows.as_array().expect("rows").iter();
        rows.filter(|row| !row.as_str().expect("text").contains("DHCP")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(own_dhcp(&after["UsedIp"]), own_dhcp(&before["UsedIp"]));
    for table in ["VmInstance", "VmNic", "Volume", "Host", "owed"] {
        assert_eq!(after[table], before[table], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_states_and_bad_input_are_refused_in_one_sentence() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm1")).await);
    let path = format!("/vm-instances/{vm}/actions");
    let refused = world.call("PUT", &path, &json!({ "startVmInstance": {} })).await.expect_err("it runs").error();
    assert!(refused.to_string().contains("Running"), "{refused}");
    for (change, word) in [
        (json!({ "imageUuid": Uuid::random().to_string() }), "does not exist"),
        (json!({ "cpuNum": 4 }), "either"),
        (json!({ "dataDiskSizes": [1] }), "dataDiskSizes"),
        (json!({ "l3NetworkUuids": [cloud.l3, cloud.l3] }), "twice"),
        (json!({ "rootDiskSize": 1 }), "cannot hold"),
        (json!({ "systemTags": ["hostname::a b"] }), "host name"),
        (json!({ "systemTags": ["nonsense::1"] }), "declared"),
    ] {
        let mut body = cloud.vm("bad");
        body["params"].as_object_mut().expect("params").extend(change.as_object().expect("an object").clone());
        let error = world.call("POST", "/vm-instances", &body).await.expect_err("refused").error();
        assert!(error.details.contains(word), "{change}: {error}");
    }
    assert_eq!(world.query("/vm-instances").await.len(), 1, "nothing was made of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_is_explained_for_each_host() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let mut body = cloud.vm("huge");
    body["params"]["instanceOfferingUuid"] = Value::Null;
    body["params"]["cpuNum"] = 1.into();
    body["params"]["memorySize"] = (1_i64 << 50).into();
    let error = world.call("POST", "/vm-instances", &body).await.expect_err("no host is that large").error();
    let text = serde_json::to_string(&error).expect("JSON");
    assert!(text.contains("HOST_ALLOCATION.1001") && text.contains("memory"), "{text}");
    assert!(world.query("/vm-instances").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_at_once_share_no_address_and_overbook_nothing() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    // The range has 51 addresses, one of which the DHCP server takes with the first VM.
    world.make("POST", "/vm-instances", cloud.vm("first")).await;
    let creates = (0..60).map(|n| {
        let (world, body) = (&world, cloud.vm(&format!("vm{n}")));
        async move { world.call("POST", "/vm-instances", &body).await }
    });
    let outcomes = futures::future::join_all(creates).await;
    let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let refused: Vec<String> =
        outcomes.into_iter().filter_map(|outcome| outcome.err().map(|error| error.error().to_string())).collect();
    assert_eq!(made, 49, "as many as there are addresses; the others: {refused:?}");
    let nics = world.query("/vm-instances/nics").await;
    let ips: std::collections::BTreeSet<&str> = nics.iter().filter_map(|nic| nic["ip"].as_str()).collect();
    assert_eq!((nics.len(), ips.len()), (50, 50));
    assert_eq!(world.query("/vm-instances").await.len(), 50, "what failed left no VM");
}
