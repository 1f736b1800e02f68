//! Adding, changing and deleting.

use serde_json::{Value, json};

use crate::fixture::{Fixture, GIB, space_for};

#[tokio::test]
async fn a_storage_is_added_changed_and_deleted() {
    let fixture = Fixture::new().await;
    let storage = fixture.add("PS").await;
    let shown = fixture.shown(storage).await;
    assert_eq!((shown["url"].as_str(), shown["mountPath"].as_str()), (Some("/ps"), Some("/ps")));
    assert_eq!((shown["state"].as_str(), shown["status"].as_str()), (Some("Enabled"), Some("Connected")));
    assert_eq!(shown["type"], "LocalStorage");

    let path = format!("/primary-storage/{storage}/actions");
    let body = json!({ "updatePrimaryStorage": { "name": "it's \"new\"", "url": "/other" } });
    let changed = fixture.node.inventory("PUT", &path, body).await.expect("updated");
    assert_eq!((changed["name"].as_str(), changed["url"].as_str()), (Some("it's \"new\""), Some("/other")));
    let body = json!({ "changePrimaryStorageState": { "stateEvent": "disable" } });
    assert_eq!(fixture.node.inventory("PUT", &path, body).await.expect("changed")["state"], "Disabled");

    for _ in 0..2 {
        fixture.node.call("DELETE", &format!("/primary-storage/{storage}"), Value::Null).await.expect("deleted");
    }
    assert!(fixture.node.query("/primary-storage").await.is_empty());
}

#[tokio::test]
async fn folders_that_are_none_are_refused() {
    let fixture = Fixture::new().await;
    for url in ["ps", "/", "/../etc", "/dev/x", "/a\nb"] {
        let body = json!({ "params": { "name": "PS", "url": url, "zoneUuid": fixture.zone } });
        let refused = fixture.node.call("POST", "/primary-storage/local-storage", body).await.expect_err("refused");
        assert_eq!(refused.code, "SYS.1007", "{url}: {refused}");
    }
    assert!(fixture.node.query("/primary-storage").await.is_empty());
}

#[tokio::test]
async fn what_is_in_use_is_neither_moved_nor_deleted() {
    let fixture = Fixture::new().await;
    let host = fixture.host("H", 10 * GIB).await;
    let storage = fixture.storage().await;
    let path = format!("/primary-storage/{storage}");
    let body = json!({ "updatePrimaryStorage": { "url": "/other" } });
    let refused = fixture.node.call("PUT", &format!("{path}/actions"), body).await.expect_err("in use");
    assert!(refused.details.contains("attached to 1 clusters"), "{refused}");
    let refused = fixture.node.call("DELETE", &path, Value::Null).await.expect_err("in use");
    assert!(refused.details.contains(&fixture.cluster.to_string()), "{refused}");

    let volume = cumulo_schema::Uuid::random();
    fixture.node.kernel().bus().call(space_for(volume, GIB, host)).await.expect("held");
    fixture.detach(storage).await.expect("detached");
    fixture.node.call("DELETE", &path, Value::Null).await.expect("deleted");
    assert!(fixture.node.query("/primary-storage").await.is_empty());
}

#[tokio::test]
async fn capacity_is_summed_by_what_was_asked_for() {
    let fixture = Fixture::new().await;
    fixture.host("H", 10 * GIB).await;
    let (attached, other) = (fixture.storage().await, fixture.add("OTHER").await);
    let total = async |query: String| {
        let answer = fixture.node.call("GET", &format!("/primary-storage/capacities?{query}"), Value::Null).await;
        answer.map(|answer| answer["totalCapacity"].as_i64())
    };
    assert_eq!(total("all=true".to_owned()).await, Ok(Some(10 * GIB)));
    assert_eq!(total(format!("clusterUuids={}", fixture.cluster)).await, Ok(Some(10 * GIB)));
    assert_eq!(total(format!("primaryStorageUuids={other}")).await, Ok(Some(0)));
    assert_eq!(total(format!("zoneUuids={}&primaryStorageUuids={attached}", fixture.zone)).await, Ok(Some(10 * GIB)));
    assert!(total(String::new()).await.is_err());
}
