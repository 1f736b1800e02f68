//! `AddImage`.
//!
//! flow failed everywhere: add-image

use cumulo_contracts::resource::{ImageBackupStorageRef, StorageStatus};
use cumulo_schema::Uuid;
use serde_json::json;

use crate::fixture::{Fixture, uuid};

#[tokio::test]
async fn an_image_is_downloaded_to_every_storage() {
    let fixture = Fixture::new().await;
    let storages = [fixture.storage("A").await, fixture.storage("B").await];
    let image = fixture.add(&storages).await.expect("added");
    assert_eq!((image["status"].as_str(), image["state"].as_str()), (Some("Ready"), Some("Enabled")));
    assert_eq!((image["size"].as_i64(), image["actualSize"].as_i64()), (Some(4096), Some(1024)));
    assert_eq!((image["md5Sum"].as_str(), image["format"].as_str()), (Some("5d41"), Some("qcow2")));
    assert_eq!((image["mediaType"].as_str(), image["platform"].as_str()), (Some("RootVolumeTemplate"), Some("Linux")));
    let refs = image["backupStorageRefs"].as_array().expect("references");
    assert_eq!(refs.len(), 2);
    assert!(refs.iter().all(|at| at["status"] == "Ready"), "{refs:?}");
    assert_eq!(fixture.shelves.files().len(), 2);
    assert!(fixture.shelves.files().contains(&(storages[0], format!("/bs/{}/{}.qcow2", Uuid::ADMIN, uuid(&image)))));
}

#[tokio::test]
async fn one_storage_that_fails_is_left_out() {
    let fixture = Fixture::new().await;
    let (good, bad) = (fixture.storage("GOOD").await, fixture.storage("BAD").await);
    fixture.shelves.set_broken(bad, true);
    let image = fixture.add(&[bad, good]).await.expect("added");
    let refs = image["backupStorageRefs"].as_array().expect("references");
    assert_eq!(refs.len(), 1);
    assert_eq!(refs[0]["backupStorageUuid"], good.to_string());
    // What it left there is owed, and paid when it is back.
    assert_eq!(fixture.shelves.files().len(), 2);
    fixture.shelves.set_broken(bad, false);
    let debts = fixture.node.kernel().debts().of_resource(uuid(&image)).await.expect("readable");
    assert_eq!(debts.len(), 1);
    fixture.node.kernel().trigger_debt(debts[0].uuid).await.expect("paid");
    assert_eq!(fixture.shelves.files().len(), 1);
}

#[tokio::test]
async fn one_that_is_nowhere_is_not_there() {
    let fixture = Fixture::new().await;
    let gone = fixture.storage("B").await;
    fixture.shelves.set_broken(gone, true);
    let refused = fixture.add(&[gone]).await.expect_err("nowhere");
    assert!(refused.details.contains("B[uuid:") && refused.details.contains("out of order"), "{refused}");
    assert!(fixture.node.query("/images").await.is_empty());
}

#[tokio::test]
async fn adding_that_fails_anywhere_leaves_nothing_behind() {
    let fixture = Fixture::new().await;
    let storages = [fixture.storage("A").await, fixture.storage("B").await];
    fixture.set_direct().await;
    fixture
        .node
        .fail_everywhere(
            async || fixture.add(&storages).await,
            async |outcome, place| {
                if let Ok(image) = outcome {
                    assert_eq!(image["status"], "Ready", "failed at {place}");
                    fixture.delete(uuid(&image)).await.expect("deleted");
                }
                assert!(fixture.node.query("/images").await.is_empty(), "failed at {place}");
                assert!(fixture.shelves.files().is_empty(), "failed at {place}");
                let refs = fixture.node.kernel().db().select::<ImageBackupStorageRef>().count().await;
                assert_eq!(refs.expect("readable"), 0, "failed at {place}");
            },
        )
        .await;
}

#[tokio::test]
async fn a_password_in_a_url_is_used_and_not_shown() {
    let fixture = Fixture::new().await;
    let storage = fixture.storage("A").await;
    let url = "http://me:secret@images/guest.qcow2";
    let image = fixture.add_from(url, &[storage]).await.expect("added");
    assert_eq!(image["url"], "http://me:*****@images/guest.qcow2");
    assert!(fixture.shelves.was_asked_for(url));
}

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let (good, lost) = (fixture.storage("GOOD").await, fixture.storage("LOST").await);
    fixture.set_status(lost, StorageStatus::Disconnected).await;
    for url in ["ftp://a/b", "guest.qcow2", "file://relative", "http://a/b c", "http://"] {
        assert_eq!(fixture.add_from(url, &[good]).await.expect_err(url).code, "SYS.1007");
    }
    assert!(fixture.add(&[good, good]).await.expect_err("twice").details.contains("twice"));
    assert!(fixture.add(&[good, lost]).await.expect_err("lost").details.contains("Disconnected"));
    assert_eq!(fixture.add(&[Uuid::random()]).await.expect_err("no such").code, "SYS.1003");
    for wrong in [json!({ "format": "vmdk" }), json!({ "mediaType": "ISO" }), json!({ "type": "other" })] {
        let mut params = json!({ "name": "I", "url": "http://a/b", "backupStorageUuids": [good], "format": "qcow2" });
        params.as_object_mut().expect("an object").extend(wrong.as_object().cloned().expect("an object"));
        let refused = fixture.node.call("POST", "/images", json!({ "params": params })).await;
        assert_eq!(refused.expect_err("refused").code, "SYS.1007", "{wrong}");
    }
    assert!(fixture.node.query("/images").await.is_empty());
    assert!(fixture.shelves.files().is_empty());
}
