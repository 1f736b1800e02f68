//! The life of offerings, as clients see it.

use cumulo_contracts::resource::{Account, DiskOffering, InstanceOffering};
use cumulo_schema::{Resource, Uuid, system::AccountResourceRef};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};

async fn node() -> TestNode {
    TestNode::start(|setup| {
        stranger(setup, Account::META);
        setup.resources(&[InstanceOffering::META, DiskOffering::META]);
        cumulo_service_offering::install(setup);
    })
    .await
}

const GIB: i64 = 1 << 30;

fn small() -> Value {
    json!({ "name": "small-instance", "memorySize": 134_217_728, "cpuNum": 1 })
}

#[tokio::test]
async fn an_instance_offering_has_the_usual_defaults_and_can_be_changed_and_deleted() {
    let node = node().await;
    let made = node.inventory("POST", "/instance-offerings", json!({ "params": small() })).await.expect("created");
    assert_eq!(made["allocatorStrategy"], "LeastVmPreferredHostAllocatorStrategy");
    assert_eq!(made["type"], "UserVm");
    assert_eq!(made["state"], "Enabled");
    assert_eq!(made["memorySize"], 134_217_728);
    assert_eq!(made["cpuNum"], 1);
    assert_eq!(made["sortKey"], 0);
    let uuid = made["uuid"].as_str().expect("a uuid");
    let path = format!("/instance-offerings/{uuid}/actions");
    let body = json!({ "updateInstanceOffering": { "allocatorStrategy": "DesignatedHostAllocatorStrategy" } });
    let changed = node.inventory("PUT", &path, body).await.expect("updated");
    assert_eq!(changed["allocatorStrategy"], "DesignatedHostAllocatorStrategy");
    assert_eq!(changed["name"], "small-instance");
    let body = json!({ "changeInstanceOfferingState": { "stateEvent": "disable" } });
    assert_eq!(node.inventory("PUT", &path, body).await.expect("changed")["state"], "Disabled");
    node.call("DELETE", &format!("/instance-offerings/{uuid}"), Value::Null).await.expect("deleted");
    assert!(node.query("/instance-offerings").await.is_empty());
    let owners = node.kernel().db().select::<AccountResourceRef>().count().await.expect("counted");
    assert_eq!(owners, 0, "its owner went with it");
}

#[tokio::test]
async fn a_disk_offering_has_the_usual_defaults_and_can_be_changed_and_deleted() {
    let node = node().await;
    let params = json!({ "name": "50G", "diskSize": 50 * GIB });
    let made = node.inventory("POST", "/disk-offerings", json!({ "params": params })).await.expect("created");
    assert_eq!(made["allocatorStrategy"], "DefaultPrimaryStorageAllocationStrategy");
    assert_eq!(made["type"], "zstack");
    assert_eq!(made["diskSize"], 50 * GIB);
    let uuid = made["uuid"].as_str().expect("a uuid");
    let path = format!("/disk-offerings/{uuid}/actions");
    let body = json!({ "updateDiskOffering": { "name": "half of 100G" } });
    assert_eq!(node.inventory("PUT", &path, body).await.expect("updated")["name"], "half of 100G");
    let body = json!({ "changeDiskOfferingState": { "stateEvent": "disable" } });
    assert_eq!(node.inventory("PUT", &path, body).await.expect("changed")["state"], "Disabled");
    node.call("DELETE", &format!("/disk-offerings/{uuid}"), Value::Null).await.expect("deleted");
    assert!(node.query("/disk-offerings").await.is_empty());
}

#[tokio::test]
async fn sizes_and_strategies_that_cannot_be_are_refused_and_nothing_is_made() {
    let node = node().await;
    for (name, value) in [
        ("memorySize", json!(0)),
        ("memorySize", json!(16 * 1024 * 1024 - 1)),
        ("memorySize", json!(-1)),
        ("reservedMemorySize", json!(134_217_729)),
        ("cpuNum", json!(0)),
        ("cpuNum", json!(1025)),
        ("allocatorStrategy", json!("Best")),
        ("type", json!("VirtualRouter")),
        ("systemTags", json!(["a::b"])),
    ] {
        let mut params = small();
        params[name] = value.clone();
        let refused = node.call("POST", "/instance-offerings", json!({ "params": params })).await;
        assert_eq!(refused.expect_err("refused").code, "SYS.1007", "{name} {value}");
    }
    for params in [
        json!({ "name": "none", "diskSize": 0 }),
        json!({ "name": "none" }),
        json!({ "name": "odd", "diskSize": 1, "allocationStrategy": "Best" }),
    ] {
        let refused = node.call("POST", "/disk-offerings", json!({ "params": params })).await;
        assert_eq!(refused.expect_err("refused").code, "SYS.1007", "{params}");
    }
    assert!(node.query("/instance-offerings").await.is_empty());
    assert!(node.query("/disk-offerings").await.is_empty());
}

#[tokio::test]
async fn an_account_sees_and_deletes_only_its_own_and_they_go_with_it() {
    let mut node = node().await;
    let (alice, bob) = (Uuid::random(), Uuid::random());
    let params = json!({ "params": { "name": "d", "diskSize": GIB } });
    node.use_session(bob.to_string());
    let bobs = node.inventory("POST", "/disk-offerings", params.clone()).await.expect("any account may");
    node.use_session(alice.to_string());
    node.call("POST", "/disk-offerings", params).await.expect("any account may");
    let path = format!("/disk-offerings/{}", bobs["uuid"].as_str().expect("a uuid"));
    assert_eq!(node.call("DELETE", &path, Value::Null).await.expect_err("not hers").code, "ID.1002");
    assert_eq!(node.query("/disk-offerings").await.len(), 1, "she sees her own");
    let refused = node.call("POST", "/instance-offerings", json!({ "params": small() })).await;
    assert_eq!(refused.expect_err("the admin's").code, "ID.1002");
    node.kernel().cascade().delete(Account::META.vo, vec![alice], false).await.expect("deleted");
    assert!(node.query("/disk-offerings").await.is_empty());
    node.use_session(bob.to_string());
    assert_eq!(node.query("/disk-offerings").await.len(), 1, "his is still there");
}
