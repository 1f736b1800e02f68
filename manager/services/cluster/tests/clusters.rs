//! The life of clusters, as clients see it.

mod hypervisor;

use std::sync::Arc;

use cumulo_contracts::{
    ext::hypervisor::Hypervisor,
    resource::{Cluster, ResourceState, Zone},
};
use cumulo_schema::{Resource, Timestamp, Uuid};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};

use hypervisor::Idle;

async fn node() -> TestNode {
    TestNode::start(|setup| {
        stranger(setup, Zone::META);
        setup.resources(&[Cluster::META]);
        setup.driver::<dyn Hypervisor>("KVM", Arc::new(Idle));
        cumulo_service_cluster::install(setup);
    })
    .await
}

async fn zone(node: &TestNode) -> Uuid {
    let now = Timestamp::now();
    let zone = Zone {
        uuid: Uuid::random(),
        name: "Z".to_owned(),
        description: None,
        state: ResourceState::Enabled,
        r#type: "zstack".to_owned(),
        is_default: false,
        create_date: now,
        last_op_date: now,
    };
    let mut batch = node.kernel().db().batch();
    batch.insert(&zone);
    node.kernel().db().commit(batch).await.expect("inserted");
    zone.uuid
}

fn params(zone: Uuid) -> Value {
    json!({ "name": "CLUSTER1", "hypervisorType": "KVM", "zoneUuid": zone })
}

#[tokio::test]
async fn a_cluster_is_created_changed_and_deleted() {
    let node = node().await;
    let zone = zone(&node).await;
    let cluster = node.inventory("POST", "/clusters", json!({ "params": params(zone) })).await.expect("created");
    assert_eq!(cluster["hypervisorType"], "KVM");
    assert_eq!(cluster["zoneUuid"], zone.to_string());
    assert_eq!(cluster["type"], "zstack");
    assert_eq!(cluster["state"], "Enabled");
    let uuid = cluster["uuid"].as_str().expect("a uuid");
    let path = format!("/clusters/{uuid}/actions");
    let body = json!({ "updateCluster": { "description": "it's \"the\" first" } });
    let changed = node.inventory("PUT", &path, body).await.expect("updated");
    assert_eq!(changed["description"], "it's \"the\" first");
    assert_eq!(changed["name"], "CLUSTER1");
    let body = json!({ "changeClusterState": { "stateEvent": "disable" } });
    assert_eq!(node.inventory("PUT", &path, body).await.expect("changed")["state"], "Disabled");
    assert_eq!(node.query("/clusters?q=zone.name=Z").await.len(), 1);
    node.call("DELETE", &format!("/clusters/{uuid}"), Value::Null).await.expect("deleted");
    assert!(node.query("/clusters").await.is_empty());
}

#[tokio::test]
async fn a_cluster_goes_with_its_zone_and_with_no_other() {
    let node = node().await;
    let (mine, other) = (zone(&node).await, zone(&node).await);
    for zone in [mine, mine, other] {
        node.call("POST", "/clusters", json!({ "params": params(zone) })).await.expect("created");
    }
    node.kernel().cascade().delete(Zone::META.vo, vec![mine], false).await.expect("deleted");
    let left = node.query("/clusters").await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["zoneUuid"], other.to_string());
}

#[tokio::test]
async fn what_no_plugin_serves_and_what_is_not_there_is_refused() {
    let node = node().await;
    let zone = zone(&node).await;
    let with = |name: &str, value: Value| {
        let mut params = params(zone);
        params[name] = value;
        params
    };
    for (params, code) in [
        (with("hypervisorType", json!("Simulator")), "SYS.1013"),
        (with("hypervisorType", json!("kvm")), "SYS.1007"),
        (with("type", json!("baremetal")), "SYS.1013"),
        (with("zoneUuid", json!(Uuid::random())), "SYS.1003"),
        (with("zoneUuid", json!("$(reboot)")), "SYS.1003"),
    ] {
        let refused = node.call("POST", "/clusters", json!({ "params": params.clone() })).await;
        assert_eq!(refused.expect_err("refused").code, code, "{params}");
    }
    assert!(node.query("/clusters").await.is_empty());
}
