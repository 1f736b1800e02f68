//! Where an image of a volume can go.

use cumulo_contracts::resource::{
    PrimaryStorage, PrimaryStorageState, ResourceState, StorageStatus, Volume, VolumeStatus, VolumeType,
};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};
use serde_json::Value;

use crate::fixture::{Fixture, uuid};

impl Fixture {
    /// A primary storage of `zone`.
    async fn primary(&self, zone_uuid: Uuid) -> Uuid {
        let (uuid, now) = (Uuid::random(), Timestamp::now());
        let storage = PrimaryStorage {
            uuid,
            zone_uuid,
            name: "PS".to_owned(),
            url: "/ps".to_owned(),
            description: None,
            total_capacity: 0,
            available_capacity: 0,
            total_physical_capacity: 0,
            available_physical_capacity: 0,
            system_used_capacity: None,
            r#type: "LocalStorage".to_owned(),
            state: PrimaryStorageState::Enabled,
            status: StorageStatus::Connected,
            mount_path: "/ps".to_owned(),
            create_date: now,
            last_op_date: now,
        };
        self.put(&storage).await;
        uuid
    }

    async fn volume(&self, primary_storage_uuid: Option<Uuid>) -> Uuid {
        let (uuid, now) = (Uuid::random(), Timestamp::now());
        let volume = Volume {
            uuid,
            name: "ROOT".to_owned(),
            description: None,
            primary_storage_uuid,
            vm_instance_uuid: None,
            disk_offering_uuid: None,
            root_image_uuid: None,
            install_path: None,
            r#type: VolumeType::Root,
            format: None,
            size: 1,
            actual_size: None,
            device_id: None,
            state: ResourceState::Enabled,
            status: VolumeStatus::Ready,
            create_date: now,
            last_op_date: now,
            is_shareable: false,
            volume_qos: None,
            last_detach_date: None,
            last_vm_instance_uuid: None,
            last_attach_date: None,
            protocol: None,
        };
        self.put(&volume).await;
        uuid
    }

    async fn candidates(&self, path: &str) -> Result<Vec<Uuid>, ErrorCode> {
        let answer = self.node.call("GET", path, Value::Null).await?;
        Ok(answer["inventories"].as_array().expect("a list").iter().map(uuid).collect())
    }
}

#[tokio::test]
async fn an_image_of_a_volume_goes_to_the_backup_storages_of_its_zone_that_answer() {
    let fixture = Fixture::new().await;
    let (good, lost) = (fixture.storage("GOOD").await, fixture.storage("LOST").await);
    fixture.set_status(lost, StorageStatus::Disconnected).await;
    let volume = fixture.volume(Some(fixture.primary(fixture.zone).await)).await;
    for path in [
        format!("/images/candidate-backup-storage?volumeUuid={volume}"),
        format!("/images/volumes/{volume}/candidate-backup-storage"),
    ] {
        assert_eq!(fixture.candidates(&path).await.expect("answered"), [good], "{path}");
    }
    let elsewhere = fixture.volume(Some(fixture.primary(Uuid::random()).await)).await;
    let path = format!("/images/volumes/{elsewhere}/candidate-backup-storage");
    assert!(fixture.candidates(&path).await.expect("answered").is_empty());
}

#[tokio::test]
async fn what_no_image_can_be_made_of_is_refused() {
    let fixture = Fixture::new().await;
    let (nowhere, unknown) = (fixture.volume(None).await, Uuid::random());
    for (path, why) in [
        ("/images/candidate-backup-storage".to_owned(), "volumeUuid"),
        (format!("/images/volumes/{nowhere}/candidate-backup-storage"), "attach it to a VM and start that once"),
        (format!("/images/volumes/{unknown}/candidate-backup-storage"), "Volume"),
        (format!("/images/volume-snapshots/{unknown}/candidate-backup-storage"), "VolumeSnapshot"),
    ] {
        let refused = fixture.candidates(&path).await.expect_err(why);
        assert!(refused.details.contains(why), "{path}: {refused}");
    }
}
