//! The life of zones, as clients see it.

use cumulo_contracts::resource::Zone;
use cumulo_schema::{Resource, Uuid};
use cumulo_testnode::TestNode;
use serde_json::{Value, json};

async fn node() -> TestNode {
    TestNode::start(|setup| {
        setup.resources(&[Zone::META]);
        cumulo_service_zone::install(setup);
    })
    .await
}

async fn create(node: &TestNode, params: Value) -> Value {
    node.inventory("POST", "/zones", json!({ "params": params })).await.expect("created")
}

fn uuid(inventory: &Value) -> &str {
    inventory["uuid"].as_str().expect("a uuid")
}

#[tokio::test]
async fn a_zone_is_created_changed_and_deleted() {
    let node = node().await;
    let zone = create(&node, json!({ "name": "ZONE1", "description": "zone 1" })).await;
    assert_eq!(zone["name"], "ZONE1");
    assert_eq!(zone["description"], "zone 1");
    assert_eq!(zone["state"], "Enabled");
    assert_eq!(zone["type"], "zstack");
    assert_eq!(zone["isDefault"], false);
    let path = format!("/zones/{}/actions", uuid(&zone));
    let changed = node.inventory("PUT", &path, json!({ "updateZone": { "name": "ZONE2" } })).await.expect("updated");
    assert_eq!(changed["name"], "ZONE2");
    assert_eq!(changed["description"], "zone 1", "what is not named stays");
    for (event, state) in [("disable", "Disabled"), ("disable", "Disabled"), ("enable", "Enabled")] {
        let body = json!({ "changeZoneState": { "stateEvent": event } });
        assert_eq!(node.inventory("PUT", &path, body).await.expect("changed")["state"], state);
    }
    node.call("DELETE", &format!("/zones/{}", uuid(&zone)), Value::Null).await.expect("deleted");
    assert!(node.query("/zones").await.is_empty());
    node.call("DELETE", &format!("/zones/{}", uuid(&zone)), Value::Null).await.expect("gone is fine");
}

#[tokio::test]
async fn at_most_one_zone_is_the_default() {
    let node = node().await;
    let first = create(&node, json!({ "name": "A", "isDefault": true })).await;
    let second = create(&node, json!({ "name": "B", "isDefault": true })).await;
    let defaults = async || {
        let found = node.query("/zones?q=isDefault=true").await;
        found.iter().map(|zone| uuid(zone).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(defaults().await, [uuid(&second)]);
    let path = format!("/zones/{}/actions", uuid(&first));
    node.call("PUT", &path, json!({ "updateZone": { "isDefault": true } })).await.expect("updated");
    assert_eq!(defaults().await, [uuid(&first)]);
    node.call("PUT", &path, json!({ "updateZone": { "isDefault": false } })).await.expect("updated");
    assert!(defaults().await.is_empty());
}

#[tokio::test]
async fn the_same_create_again_is_the_same_zone_and_a_taken_id_is_refused() {
    let node = node().await;
    let id = Uuid::random();
    let params = json!({ "name": "A", "resourceUuid": id });
    assert_eq!(uuid(&create(&node, params.clone()).await), id.to_string());
    assert_eq!(uuid(&create(&node, params).await), id.to_string());
    assert_eq!(node.query("/zones").await.len(), 1);
    let body = json!({ "params": { "name": "B", "resourceUuid": id } });
    let refused = node.call("POST", "/zones", body).await.expect_err("another zone has the id");
    assert_eq!(refused.code, "SYS.1002");
}

#[tokio::test]
async fn get_zone_answers_a_list() {
    let node = node().await;
    let zone = create(&node, json!({ "name": "A" })).await;
    let info = async |id: &str| {
        let answer = node.call("GET", &format!("/zones/{id}/info"), Value::Null).await.expect("answered");
        answer["inventories"].as_array().expect("a list").clone()
    };
    assert_eq!(info(uuid(&zone)).await, std::slice::from_ref(&zone));
    assert!(info(&Uuid::random().to_string()).await.is_empty());
}

#[tokio::test]
async fn names_that_would_be_dangerous_elsewhere_are_refused_and_nothing_is_made() {
    let node = node().await;
    for name in [" a", "a'; DROP TABLE zone", "$(reboot)", "a\nb"] {
        let refused = node.call("POST", "/zones", json!({ "params": { "name": name } })).await;
        // White space around a name is taken off before it is looked at.
        assert_eq!(refused.is_ok(), name == " a", "{name:?}: {refused:?}");
    }
    let tagged = json!({ "params": { "name": "A" }, "systemTags": ["no::such::tag"] });
    assert_eq!(node.call("POST", "/zones", tagged).await.expect_err("no such tag").code, "SYS.1007");
    assert_eq!(node.query("/zones").await.len(), 1);
}
