//! What could be chosen: each list names what is then taken, and nothing that is then refused.

use serde_json::{Value, json};

use crate::life::{Life, l3, uuid};

fn uuids(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|row| row["uuid"].as_str().expect("a uuid")).collect()
}

impl Life {
    async fn get(&self, path: &str) -> Result<Value, String> {
        self.call("GET", path, Value::Null).await
    }

    async fn attachable(&self) -> Result<Value, String> {
        self.get(&format!("/vm-instances/{}/l3-networks-candidates", self.vm)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_for_a_nic_are_those_of_the_cluster_that_it_is_not_on() {
    let life = Life::new().await;
    let nic = uuid(&life.nics().await[0]);
    assert_eq!(life.attachable().await.expect("answered")["inventories"], json!([]));
    let second = life.l3("10.0.102").await;
    let elsewhere = json!({ "params": { "name": "l2", "physicalInterface": "eth2", "zoneUuid": life.cloud.zone } });
    let elsewhere = uuid(&life.world.make("POST", "/l2-networks/no-vlan", elsewhere).await);
    let elsewhere = l3(&life.world, &elsewhere, "10.0.103").await;
    let listed = life.attachable().await.expect("answered");
    assert_eq!(uuids(&listed["inventories"]), [second.as_str()], "not {elsewhere}");
    let path = format!("/vm-instances/nics/{nic}/l3-networks-candidates");
    assert_eq!(life.get(&path).await.expect("answered")["inventories"], listed["inventories"]);
    let disable = json!({ "changeL3NetworkState": { "stateEvent": "disable" } });
    life.call("PUT", &format!("/l3-networks/{second}/actions"), disable).await.expect("disabled");
    assert_eq!(life.attachable().await.expect("answered")["inventories"], json!([]));
    life.act("pauseVmInstance", json!({})).await.expect("paused");
    assert!(life.attachable().await.expect_err("paused").contains("is Paused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_are_those_that_the_allocator_would_take() {
    let life = Life::new().await;
    let cloud = &life.cloud;
    let ask = |more: &str| {
        format!("/vm-instances/candidate-destinations?imageUuid={}&l3NetworkUuids={}{more}", cloud.image, cloud.l3)
    };
    let found = life.get(&ask(&format!("&instanceOfferingUuid={}", cloud.offering))).await.expect("answered");
    assert_eq!(found["success"], true);
    assert_eq!(uuids(&found["hosts"]), [cloud.host.as_str()]);
    assert_eq!(uuids(&found["clusters"]), [cloud.cluster.as_str()]);
    assert_eq!(uuids(&found["zones"]), [cloud.zone.as_str()]);
    let huge = life.get(&ask("&cpuNum=1&memorySize=1099511627776000")).await.expect("answered");
    assert_eq!((&huge["hosts"], &huge["zones"]), (&json!([]), &json!([])));
    let nowhere = format!("&cpuNum=1&memorySize=134217728&clusterUuid={}", cloud.zone);
    assert_eq!(life.get(&ask(&nowhere)).await.expect("answered")["hosts"], json!([]));
    assert!(life.get(&ask("")).await.expect_err("how large").contains("instanceOfferingUuid"));

    let path = format!("/vm-instances/{}/starting-target-hosts", life.vm);
    assert!(life.get(&path).await.expect_err("it runs").contains("is Running"));
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let found = life.get(&path).await.expect("answered");
    assert_eq!((uuids(&found["hosts"]), uuids(&found["clusters"])), (vec![&*cloud.host], vec![&*cloud.cluster]));
    let disable = json!({ "changeHostState": { "stateEvent": "disable" } });
    life.call("PUT", &format!("/hosts/{}/actions", cloud.host), disable).await.expect("disabled");
    assert_eq!(life.get(&path).await.expect("answered"), json!({ "hosts": [], "clusters": [] }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storages_are_those_with_room_for_each_volume() {
    let life = Life::new().await;
    let cloud = &life.cloud;
    let disk = |name: &str, size: i64| json!({ "params": { "name": name, "diskSize": size } });
    let small = uuid(&life.world.make("POST", "/disk-offerings", disk("small", 1 << 30)).await);
    let huge = uuid(&life.world.make("POST", "/disk-offerings", disk("huge", 1 << 60)).await);
    let path = format!("/vm-instances/candidate-storages?imageUuid={}&l3NetworkUuids={}", cloud.image, cloud.l3);
    let data = format!("{path}&dataDiskOfferingUuids={small}&dataDiskOfferingUuids={huge}&dataDiskSizes=1073741824");
    let found = life.get(&data).await.expect("answered");
    let here = [cloud.primary_storage.as_str()];
    assert_eq!(uuids(&found["rootVolumePrimaryStorages"]), here);
    let data = &found["dataVolumePrimaryStorages"];
    assert_eq!(
        (uuids(&data[&small]), &data[&huge], uuids(&data["1073741824"])),
        (here.to_vec(), &json!([]), here.to_vec())
    );
    let found = life.get(&format!("{path}&rootDiskOfferingUuid={huge}")).await.expect("answered");
    assert_eq!(found["rootVolumePrimaryStorages"], json!([]));
    let tagged = format!("{path}&systemTags=primaryStorage::allocator::userTag::SSD::required");
    assert_eq!(life.get(&tagged).await.expect("answered")["rootVolumePrimaryStorages"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn capabilities_are_those_of_the_node_and_only_of_ones_own_vms() {
    let mut life = Life::new().await;
    let one = life.get(&format!("/vm-instances/{}/capabilities", life.vm)).await.expect("answered");
    let names: Vec<&String> = one["capabilities"].as_object().expect("a map").keys().collect();
    assert_eq!(names, ["LiveMigration", "MemorySnapshot", "Reimage", "VolumeMigration"]);
    let path = format!("/vm-instances/capabilities?vmUuids={}", life.vm);
    let many = life.get(&path).await.expect("answered");
    assert_eq!(many["vmsCaps"][&life.vm]["supportReimage"], one["capabilities"]["Reimage"]);
    let (_, session) = life.world.account("other").await;
    life.world.use_session(session);
    assert!(life.get(&path).await.expect_err("another's").contains(&life.vm));
}
