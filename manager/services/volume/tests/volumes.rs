//! The life of root volumes, as the VM service sees it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{Capacity, PrimaryStorageDriver, Stored, VolumePlace},
    message::{
        image::{ImageLocation, LocateImage},
        storage::{AllocateVolumeSpace, LocateVolumeSpace, ReleaseVolumeSpace, VolumeSpace},
        volume::{CreateRootVolume, ExpungeVolume, LocateRootVolume, ResetRootVolume, VolumesOfVm},
    },
    resource::{DiskOffering, Host, PrimaryStorage, PrimaryStorageState, StorageStatus, Volume, VolumeStatus},
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};
use cumulo_testnode::{TestNode, stranger};

const IMAGE_SIZE: i64 = 1 << 30;

/// The world around the volume service: an image, space, and files by path.
#[derive(Default)]
struct Around {
    storage: Mutex<Option<Uuid>>,
    held: Mutex<HashMap<Uuid, VolumeSpace>>,
    files: Mutex<HashMap<String, i64>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl Handle<LocateImage> for Around {
    async fn handle(&self, ask: LocateImage) -> Result<ImageLocation, ErrorCode> {
        Ok(ImageLocation {
            image: ask.image,
            backup_storage: Uuid::random(),
            backup_storage_type: "SftpBackupStorage".to_owned(),
            install_path: "/bs/image".to_owned(),
            size: IMAGE_SIZE,
            actual_size: 1,
            format: "qcow2".to_owned(),
            sha256: None,
        })
    }
}

#[async_trait]
impl Handle<AllocateVolumeSpace> for Around {
    async fn handle(&self, ask: AllocateVolumeSpace) -> Result<VolumeSpace, ErrorCode> {
        let storage = self.storage.lock().expect("not poisoned").expect("a storage");
        let space = VolumeSpace {
            primary_storage: storage,
            primary_storage_type: "LocalStorage".to_owned(),
            install_path: format!("/ps/{}", ask.volume),
            host: ask.host,
        };
        Ok(self.held.lock().expect("not poisoned").entry(ask.volume).or_insert(space).clone())
    }
}

#[async_trait]
impl Handle<LocateVolumeSpace> for Around {
    async fn handle(&self, ask: LocateVolumeSpace) -> Result<Option<VolumeSpace>, ErrorCode> {
        Ok(self.held.lock().expect("not poisoned").get(&ask.volume).cloned())
    }
}

#[async_trait]
impl Handle<ReleaseVolumeSpace> for Around {
    async fn handle(&self, ask: ReleaseVolumeSpace) -> Result<(), ErrorCode> {
        self.held.lock().expect("not poisoned").remove(&ask.volume);
        Ok(())
    }
}

#[async_trait]
impl PrimaryStorageDriver for Around {
    async fn connect_host(&self, _: &PrimaryStorage, _: Uuid) -> Result<Capacity, ErrorCode> {
        Ok(Capacity::default())
    }
    fn volume_path(&self, _: &PrimaryStorage, _: Uuid, volume: Uuid) -> String {
        format!("/ps/{volume}")
    }
    fn is_per_host(&self) -> bool {
        true
    }
    /// A broken one fails after the file is there: the answer was lost.
    async fn create_from_image(
        &self,
        _: &PrimaryStorage,
        place: &VolumePlace,
        _: &ImageLocation,
        size: Option<i64>,
        _: Uuid,
    ) -> Result<Stored, ErrorCode> {
        let size = size.unwrap_or(IMAGE_SIZE);
        self.files.lock().expect("not poisoned").insert(place.install_path.clone(), size);
        match *self.broken.lock().expect("not poisoned") {
            true => Err(ErrorCode::operation("the disk is full")),
            false => Ok(Stored { size, actual_size: 7, format: "qcow2".to_owned() }),
        }
    }
    /// A broken one fails before anything: it is what it was.
    async fn reset_to_image(
        &self,
        _: &PrimaryStorage,
        place: &VolumePlace,
        _: &ImageLocation,
        size: i64,
        _: Uuid,
    ) -> Result<Stored, ErrorCode> {
        if *self.broken.lock().expect("not poisoned") {
            return Err(ErrorCode::operation("the disk is full"));
        }
        self.files.lock().expect("not poisoned").insert(place.install_path.clone(), size);
        Ok(Stored { size, actual_size: 8, format: "qcow2".to_owned() })
    }
    async fn create_empty(
        &self,
        _: &PrimaryStorage,
        place: &VolumePlace,
        size: i64,
        _: Uuid,
    ) -> Result<Stored, ErrorCode> {
        self.files.lock().expect("not poisoned").insert(place.install_path.clone(), size);
        Ok(Stored { size, actual_size: 1, format: "qcow2".to_owned() })
    }
    async fn fetch_iso(
        &self,
        _: &PrimaryStorage,
        host: Uuid,
        image: &ImageLocation,
        _: Uuid,
    ) -> Result<String, ErrorCode> {
        match *self.broken.lock().expect("not poisoned") {
            true => Err(ErrorCode::operation("the disk is full")),
            false => Ok(format!("/ps/{host}/{}.iso", image.image)),
        }
    }
    async fn delete(&self, _: &PrimaryStorage, place: &VolumePlace, _: Uuid) -> Result<(), ErrorCode> {
        self.files.lock().expect("not poisoned").remove(&place.install_path);
        Ok(())
    }
}

async fn start() -> (TestNode, Arc<Around>) {
    let around = Arc::new(Around::default());
    let installed = around.clone();
    let node = TestNode::start(|setup| {
        for meta in [PrimaryStorage::META, DiskOffering::META, Host::META] {
            stranger(setup, meta);
        }
        setup.resources(&[Volume::META]);
        setup
            .message::<LocateImage>(installed.clone())
            .message::<AllocateVolumeSpace>(installed.clone())
            .message::<LocateVolumeSpace>(installed.clone())
            .message::<ReleaseVolumeSpace>(installed.clone())
            .driver::<dyn PrimaryStorageDriver>("LocalStorage", installed);
        cumulo_service_volume::install(setup);
    })
    .await;
    let storage = storage();
    *around.storage.lock().expect("not poisoned") = Some(storage.uuid);
    let mut batch = node.kernel().db().batch();
    batch.insert(&storage);
    node.kernel().db().commit(batch).await.expect("inserted");
    (node, around)
}

fn storage() -> PrimaryStorage {
    PrimaryStorage {
        uuid: Uuid::random(),
        zone_uuid: Uuid::random(),
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
        create_date: Timestamp::now(),
        last_op_date: Timestamp::now(),
    }
}

fn root(volume: Uuid, vm: Uuid) -> CreateRootVolume {
    CreateRootVolume {
        volume,
        vm,
        account: Uuid::ADMIN,
        name: "ROOT".to_owned(),
        image: Uuid::random(),
        host: Uuid::random(),
        zone: Uuid::random(),
        size: None,
        primary_storage: None,
        storage_tags: vec![],
        task: Uuid::random(),
    }
}

fn is_empty(around: &Around) -> bool {
    around.held.lock().expect("not poisoned").is_empty() && around.files.lock().expect("not poisoned").is_empty()
}

#[tokio::test]
async fn a_root_volume_is_made_once_found_and_expunged() {
    let (node, around) = start().await;
    let (bus, volume, vm) = (node.kernel().bus(), Uuid::random(), Uuid::random());
    let ask = root(volume, vm);
    let made = bus.call(ask.clone()).await.expect("made");
    assert_eq!((made.path.as_str(), made.format.as_str()), (format!("/ps/{volume}").as_str(), "qcow2"));
    // Made already, it needs nothing of the storage.
    *around.broken.lock().expect("not poisoned") = true;
    assert_eq!(bus.call(ask).await.expect("made before"), made);
    assert_eq!(bus.call(VolumesOfVm { vm }).await.expect("answered"), [made]);
    let shown = &node.query(&format!("/volumes?q=vmInstanceUuid={vm}")).await[0];
    assert_eq!((shown["status"].as_str(), shown["type"].as_str()), (Some("Ready"), Some("Root")));
    assert_eq!((shown["size"].as_i64(), shown["actualSize"].as_i64()), (Some(IMAGE_SIZE), Some(7)));
    for _ in 0..2 {
        bus.call(ExpungeVolume { volume, task: Uuid::random() }).await.expect("expunged");
        assert!(is_empty(&around));
        assert!(node.query("/volumes").await.is_empty());
    }
}

#[tokio::test]
async fn one_that_failed_halfway_goes_on_or_goes_away() {
    let (node, around) = start().await;
    let (bus, volume, vm) = (node.kernel().bus(), Uuid::random(), Uuid::random());
    *around.broken.lock().expect("not poisoned") = true;
    let refused = bus.call(root(volume, vm)).await.expect_err("broken");
    assert!(refused.details.contains("the disk is full"), "{refused}");
    assert!(bus.call(VolumesOfVm { vm }).await.expect("answered").is_empty());
    let row = node.kernel().db().find(Volume::UUID, &volume).await.expect("readable").expect("recorded");
    assert_eq!(row.status, VolumeStatus::Creating);

    *around.broken.lock().expect("not poisoned") = false;
    bus.call(root(volume, vm)).await.expect("goes on");
    assert_eq!(bus.call(VolumesOfVm { vm }).await.expect("answered").len(), 1);
    *around.broken.lock().expect("not poisoned") = true;
    let second = Uuid::random();
    bus.call(root(second, vm)).await.expect_err("broken");
    for volume in [volume, second] {
        bus.call(ExpungeVolume { volume, task: Uuid::random() }).await.expect("expunged");
    }
    assert!(is_empty(&around));
}

#[tokio::test]
async fn a_root_volume_goes_back_to_its_image_at_once_or_not_at_all() {
    let (node, around) = start().await;
    let (bus, volume, vm) = (node.kernel().bus(), Uuid::random(), Uuid::random());
    bus.call(root(volume, vm)).await.expect("made");
    let reset = || ResetRootVolume { volume, zone: Uuid::random(), task: Uuid::random() };
    *around.broken.lock().expect("not poisoned") = true;
    let refused = bus.call(reset()).await.expect_err("broken");
    assert!(refused.details.contains("the disk is full"), "{refused}");
    let shown = async || node.query(&format!("/volumes?q=uuid={volume}")).await[0]["actualSize"].as_i64();
    assert_eq!(shown().await, Some(7));
    *around.broken.lock().expect("not poisoned") = false;
    for _ in 0..2 {
        bus.call(reset()).await.expect("reset");
    }
    assert_eq!((shown().await, around.files.lock().expect("not poisoned").len()), (Some(8), 1));
    let unmade = ResetRootVolume { volume: Uuid::random(), ..reset() };
    assert_eq!(bus.call(unmade).await.expect_err("no such volume").code, "SYS.1003");
}

#[tokio::test]
async fn a_volume_smaller_than_its_image_is_refused_before_anything_is_held() {
    let (node, around) = start().await;
    let ask = CreateRootVolume { size: Some(IMAGE_SIZE - 1), ..root(Uuid::random(), Uuid::random()) };
    let refused = node.kernel().bus().call(ask).await.expect_err("too small");
    assert_eq!(refused.code, "SYS.1007");
    assert!(is_empty(&around));
}

#[tokio::test]
async fn records_go_with_their_storage_and_files_stay() {
    let (node, around) = start().await;
    node.kernel().bus().call(root(Uuid::random(), Uuid::random())).await.expect("made");
    let storage = around.storage.lock().expect("not poisoned").expect("a storage");
    node.kernel().cascade().delete(PrimaryStorage::META.vo, vec![storage], false).await.expect("deleted");
    assert!(node.query("/volumes").await.is_empty());
    // What is held there is the storage's own record, and goes with it.
    assert_eq!(around.held.lock().expect("not poisoned").len(), 1);
    assert_eq!(around.files.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn no_image_is_made_where_nobody_can_make_one() {
    let (node, _) = start().await;
    let (bus, volume) = (node.kernel().bus(), Uuid::random());
    bus.call(root(volume, Uuid::random())).await.expect("made");
    let refused = bus.call(LocateRootVolume { volume }).await.expect_err("no driver does it");
    assert_eq!(refused.code, "SYS.1013");
    assert!(refused.details.contains("no image can be made of volumes on primary storage PS"), "{refused}");
    let mut batch = node.kernel().db().batch();
    batch.update::<Volume>().set(Volume::STATUS, &VolumeStatus::Creating).eq(Volume::UUID, &volume).any();
    node.kernel().db().commit(batch).await.expect("written");
    let refused = bus.call(LocateRootVolume { volume }).await.expect_err("half of a volume");
    assert!(refused.details.contains("is Creating"), "{refused}");
    assert!(bus.call(LocateRootVolume { volume: Uuid::random() }).await.is_err());
}
