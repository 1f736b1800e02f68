//! Changing and using images.

use cumulo_contracts::{message::image::LocateImage, resource::StorageStatus};
use cumulo_schema::{Uuid, system::SystemTag};
use serde_json::json;

use crate::fixture::Fixture;

#[tokio::test]
async fn an_image_is_changed() {
    let fixture = Fixture::new().await;
    let image = fixture.image(&[fixture.storage("A").await]).await;
    let params = json!({ "name": "it's \"new\"", "platform": "Windows", "mediaType": "DataVolumeTemplate" });
    let changed = fixture.act(image, "updateImage", params).await.expect("updated");
    assert_eq!(changed["inventory"]["name"], "it's \"new\"");
    assert_eq!(changed["inventory"]["platform"], "Windows");
    assert_eq!(changed["inventory"]["mediaType"], "DataVolumeTemplate");
    let changed = fixture.act(image, "changeImageState", json!({ "stateEvent": "disable" })).await.expect("changed");
    assert_eq!(changed["inventory"]["state"], "Disabled");
    fixture.act(image, "syncImageSize", json!({})).await.expect("looked at");
}

#[tokio::test]
async fn an_image_says_what_boots_its_guests() {
    let fixture = Fixture::new().await;
    let image = fixture.image(&[fixture.storage("A").await]).await;
    for mode in ["UEFI", "Legacy", "Legacy"] {
        fixture.act(image, "setImageBootMode", json!({ "bootMode": mode })).await.expect("set");
        let tags = fixture.node.kernel().db().select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &image).all().await;
        let tags: Vec<String> = tags.expect("read").into_iter().map(|tag| tag.tag).collect();
        assert_eq!(tags, [format!("bootMode::{mode}")]);
    }
    for bad in ["UEFI_WITH_CSM", "uefi", "UEFI::Legacy", ""] {
        let refused = fixture.act(image, "setImageBootMode", json!({ "bootMode": bad })).await.expect_err(bad);
        assert!(refused.details.contains("bootMode"), "{refused}");
    }
}

#[tokio::test]
async fn a_copy_is_found_in_the_zone_or_it_is_said_why_not() {
    let fixture = Fixture::new().await;
    let (lost, good) = (fixture.storage("LOST").await, fixture.storage("GOOD").await);
    let image = fixture.image(&[lost, good]).await;
    let bus = fixture.node.kernel().bus();
    let locate = async |zone| bus.call(LocateImage { image, zone }).await;
    fixture.set_status(lost, StorageStatus::Disconnected).await;
    let found = locate(fixture.zone).await.expect("found");
    assert_eq!((found.backup_storage, found.size), (good, 4096));
    assert_eq!(found.install_path, format!("/bs/{}/{image}.qcow2", Uuid::ADMIN));

    let refused = locate(Uuid::random()).await.expect_err("not attached there");
    assert!(refused.details.contains("not attached to zone"), "{refused}");
    fixture.set_status(good, StorageStatus::Connecting).await;
    let refused = locate(fixture.zone).await.expect_err("none is connected");
    assert!(refused.details.contains("Disconnected") && refused.details.contains("Connecting"), "{refused}");
    fixture.act(image, "changeImageState", json!({ "stateEvent": "disable" })).await.expect("changed");
    assert!(locate(fixture.zone).await.expect_err("disabled").details.contains("Disabled"));
    fixture.delete(image).await.expect("deleted");
    assert!(locate(fixture.zone).await.expect_err("deleted").details.contains("Deleted"));
}
