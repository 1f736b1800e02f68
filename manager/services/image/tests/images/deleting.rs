//! Deleting, recovering, expunging, and what takes images along.

use std::time::{Duration, Instant};

use cumulo_contracts::resource::BackupStorage;
use cumulo_schema::Resource;
use serde_json::json;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_deleted_image_can_be_recovered_until_it_is_expunged() {
    let fixture = Fixture::new().await;
    let image = fixture.image(&[fixture.storage("A").await, fixture.storage("B").await]).await;
    let status = async || fixture.shown(image).await.map(|shown| shown["status"].clone());
    assert!(fixture.act(image, "expungeImage", json!({})).await.expect_err("not deleted").details.contains("Ready"));
    fixture.delete(image).await.expect("deleted");
    assert_eq!(status().await, Some(json!("Deleted")));
    fixture.act(image, "recoverImage", json!({})).await.expect("recovered");
    assert_eq!(status().await, Some(json!("Ready")));
    assert_eq!(fixture.shelves.files().len(), 2);

    fixture.delete(image).await.expect("deleted");
    fixture.act(image, "expungeImage", json!({})).await.expect("expunged");
    assert_eq!(status().await, None);
    assert!(fixture.shelves.files().is_empty());
    fixture.delete(image).await.expect("what is gone is deleted");
}

#[tokio::test]
async fn an_image_lives_while_one_copy_does() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.storage("A").await, fixture.storage("B").await);
    let image = fixture.image(&[first, second]).await;
    let path = format!("/images/{image}?backupStorageUuids={first}");
    fixture.node.call("DELETE", &path, serde_json::Value::Null).await.expect("deleted");
    assert_eq!(fixture.shown(image).await.expect("there")["status"], "Ready");
    fixture.act(image, "expungeImage", json!({ "backupStorageUuids": [first] })).await.expect("expunged");
    let shown = fixture.shown(image).await.expect("there");
    assert_eq!(shown["backupStorageRefs"].as_array().map(Vec::len), Some(1));
    assert_eq!(fixture.shelves.files().len(), 1);
    let refused = fixture.act(image, "recoverImage", json!({ "backupStorageUuids": [first] })).await;
    assert!(refused.expect_err("not there").details.contains(&first.to_string()));
}

#[tokio::test]
async fn the_policy_says_what_deleting_means() {
    let fixture = Fixture::new().await;
    let storage = fixture.storage("A").await;
    let image = fixture.image(&[storage]).await;
    fixture.set_direct().await;
    fixture.shelves.set_broken(storage, true);
    fixture.delete(image).await.expect("the record goes, the file follows");
    assert!(fixture.shown(image).await.is_none());
    assert_eq!(fixture.shelves.files().len(), 1);
    fixture.shelves.set_broken(storage, false);
    for debt in fixture.node.kernel().debts().of_resource(image).await.expect("readable") {
        fixture.node.kernel().trigger_debt(debt.uuid).await.expect("paid");
    }
    assert!(fixture.shelves.files().is_empty());
}

#[tokio::test]
async fn deleted_images_are_expunged_when_their_time_has_come() {
    let fixture = Fixture::new().await;
    let storage = fixture.storage("A").await;
    let (deleted, kept) = (fixture.image(&[storage]).await, fixture.image(&[storage]).await);
    let configs = fixture.node.kernel().configs();
    for (name, value) in [("expungePeriod", "0"), ("expungeInterval", "1")] {
        configs.set("image", name, Some(value)).await.expect("set");
    }
    cumulo_service_image::start(fixture.node.kernel());
    fixture.delete(deleted).await.expect("deleted");
    let deadline = Instant::now() + Duration::from_secs(30);
    while fixture.shown(deleted).await.is_some() {
        assert!(Instant::now() < deadline, "it is never expunged");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(fixture.shown(kept).await.is_some());
    assert_eq!(fixture.shelves.files().len(), 1);
}

#[tokio::test]
async fn images_go_with_their_last_backup_storage_and_files_stay() {
    let fixture = Fixture::new().await;
    let (going, staying) = (fixture.storage("A").await, fixture.storage("B").await);
    let (only, both) = (fixture.image(&[going]).await, fixture.image(&[going, staying]).await);
    let cascade = fixture.node.kernel().cascade();
    cascade.delete(BackupStorage::META.vo, vec![going], false).await.expect("deleted");
    assert!(fixture.shown(only).await.is_none());
    let shown = fixture.shown(both).await.expect("it is on another");
    assert_eq!(shown["backupStorageRefs"].as_array().map(Vec::len), Some(1));
    assert_eq!(fixture.shelves.files().len(), 3);
}
