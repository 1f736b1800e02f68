//! A node with the image service, backup storages as rows, and a driver whose files are in memory.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{
        BackupStorageDriver, Capacity, FetchFrom, FlatVolume, ImageReceiver, Stored, StoredImage, Transport, UploadTo,
        Uploaded, VolumeExporter,
    },
    message::backup_storage::RefreshBackupStorage,
    resource::{
        BackupStorage, BackupStorageZoneRef, Cluster, Image, ImageBackupStorageRef, IpRange, L2NetworkClusterRef,
        L3Network, L3NetworkDns, L3NetworkHostRoute, NetworkServiceL3NetworkRef, PrimaryStorage,
        PrimaryStorageClusterRef, ReservedIpRange, ResourceState, StorageStatus, VmInstance, Volume, Zone,
    },
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::{ErrorCode, Resource, ResourceMeta, Timestamp, Uuid};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};

/// What was put on backup storages, and which of them are out of order.
#[derive(Default)]
pub(crate) struct Shelves {
    files: Mutex<BTreeSet<(Uuid, String)>>,
    urls: Mutex<BTreeSet<String>>,
    broken: Mutex<HashSet<Uuid>>,
}

impl Shelves {
    pub(crate) fn files(&self) -> Vec<(Uuid, String)> {
        self.files.lock().expect("not poisoned").iter().cloned().collect()
    }

    pub(crate) fn was_asked_for(&self, url: &str) -> bool {
        self.urls.lock().expect("not poisoned").contains(url)
    }

    /// Whether `storage` fails what it is asked, after half of it is done.
    pub(crate) fn set_broken(&self, storage: Uuid, broken: bool) {
        let mut all = self.broken.lock().expect("not poisoned");
        if broken {
            all.insert(storage)
        } else {
            all.remove(&storage)
        };
    }

    fn answer<T>(&self, storage: Uuid, answer: T) -> Result<T, ErrorCode> {
        match self.broken.lock().expect("not poisoned").contains(&storage) {
            true => Err(ErrorCode::operation("it is out of order")),
            false => Ok(answer),
        }
    }
}

#[async_trait]
impl BackupStorageDriver for Shelves {
    async fn connect(&self, _: &BackupStorage, _: bool) -> Result<Capacity, ErrorCode> {
        Ok(Capacity::default())
    }
    async fn ping(&self, _: &BackupStorage) -> Result<(), ErrorCode> {
        Ok(())
    }
    fn image_path(&self, storage: &BackupStorage, account: Uuid, image: Uuid, format: &str) -> String {
        format!("{}/{account}/{image}.{format}", storage.url)
    }
    async fn download(
        &self,
        storage: &BackupStorage,
        image: &Image,
        install_path: &str,
        _: Uuid,
    ) -> Result<StoredImage, ErrorCode> {
        self.files.lock().expect("not poisoned").insert((storage.uuid, install_path.to_owned()));
        self.urls.lock().expect("not poisoned").insert(image.url.clone());
        let stored = Stored { size: 4096, actual_size: 1024, format: image.format.clone() };
        self.answer(storage.uuid, StoredImage { stored, md5: "5d41".to_owned(), sha256: "2cf2".to_owned() })
    }
    async fn delete(&self, storage: &BackupStorage, _: Uuid, install_path: &str, _: Uuid) -> Result<(), ErrorCode> {
        self.answer(storage.uuid, ())?;
        self.files.lock().expect("not poisoned").remove(&(storage.uuid, install_path.to_owned()));
        Ok(())
    }
    async fn fetch_from(&self, _: &BackupStorage, _: &str) -> Result<FetchFrom, ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
    async fn disconnect(&self, _: Uuid) -> Result<(), ErrorCode> {
        Ok(())
    }
}

#[async_trait]
impl VolumeExporter for Shelves {
    fn transports(&self) -> &'static [Transport] {
        &[Transport::Sftp]
    }
    async fn flatten(&self, _: &PrimaryStorage, _: &FlatVolume, _: Uuid) -> Result<Stored, ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
    async fn upload(&self, _: &PrimaryStorage, _: &FlatVolume, _: &UploadTo, _: Uuid) -> Result<String, ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
    async fn drop_flat(&self, _: &PrimaryStorage, _: &FlatVolume, _: Uuid) -> Result<(), ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
}

#[async_trait]
impl ImageReceiver for Shelves {
    fn transport(&self) -> Transport {
        Transport::Sftp
    }
    async fn open(&self, _: &BackupStorage, _: Uuid, _: &str, _: &Stored, _: Uuid) -> Result<UploadTo, ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
    async fn accept(
        &self,
        _: &BackupStorage,
        _: Uuid,
        _: &str,
        _: &Uploaded,
        _: Uuid,
    ) -> Result<StoredImage, ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
}

#[async_trait]
impl Handle<RefreshBackupStorage> for Shelves {
    async fn handle(&self, _: RefreshBackupStorage) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// What belongs to other services.
const STRANGERS: [&ResourceMeta; 15] = [
    Zone::META,
    BackupStorage::META,
    BackupStorageZoneRef::META,
    Cluster::META,
    L2NetworkClusterRef::META,
    L3Network::META,
    L3NetworkDns::META,
    L3NetworkHostRoute::META,
    IpRange::META,
    ReservedIpRange::META,
    NetworkServiceL3NetworkRef::META,
    PrimaryStorage::META,
    PrimaryStorageClusterRef::META,
    Volume::META,
    VmInstance::META,
];

pub(crate) struct Fixture {
    pub(crate) node: TestNode,
    pub(crate) shelves: Arc<Shelves>,
    pub(crate) zone: Uuid,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let shelves = Arc::new(Shelves::default());
        let driver = shelves.clone();
        let node = TestNode::start_with(include_str!("../../flows.toml"), |setup| {
            for meta in STRANGERS {
                stranger(setup, meta);
            }
            setup.resources(&[Image::META, ImageBackupStorageRef::META]);
            setup.message::<RefreshBackupStorage>(driver.clone());
            setup.driver::<dyn BackupStorageDriver>("SftpBackupStorage", driver.clone());
            setup.driver::<dyn ImageReceiver>("SftpBackupStorage", driver.clone());
            setup.driver::<dyn VolumeExporter>("LocalStorage", driver);
            cumulo_service_image::install(setup);
        })
        .await;
        Self { node, shelves, zone: Uuid::random() }
    }

    /// A connected backup storage, attached to the zone.
    pub(crate) async fn storage(&self, name: &str) -> Uuid {
        let (uuid, now) = (Uuid::random(), Timestamp::now());
        let mut batch = self.node.kernel().db().batch();
        batch.insert(&BackupStorage {
            uuid,
            name: name.to_owned(),
            url: "/bs".to_owned(),
            description: None,
            total_capacity: 0,
            available_capacity: 0,
            r#type: "SftpBackupStorage".to_owned(),
            state: ResourceState::Enabled,
            status: StorageStatus::Connected,
            create_date: now,
            last_op_date: now,
        });
        batch.insert(&BackupStorageZoneRef {
            backup_storage_uuid: uuid,
            zone_uuid: self.zone,
            create_date: now,
            last_op_date: now,
        });
        self.node.kernel().db().commit(batch).await.expect("inserted");
        uuid
    }

    /// From now on deleting removes files at once.
    pub(crate) async fn set_direct(&self) {
        self.node.kernel().configs().set("image", "deletionPolicy", Some("Direct")).await.expect("set");
    }

    pub(crate) async fn set_status(&self, storage: Uuid, status: StorageStatus) {
        let mut batch = self.node.kernel().db().batch();
        let update = batch.update::<BackupStorage>().set(BackupStorage::STATUS, &status);
        update.eq(BackupStorage::UUID, &storage).expect("the storage is there");
        self.node.kernel().db().commit(batch).await.expect("updated");
    }

    pub(crate) async fn add(&self, storages: &[Uuid]) -> Result<Value, ErrorCode> {
        self.add_from("http://images/guest.qcow2", storages).await
    }

    pub(crate) async fn add_from(&self, url: &str, storages: &[Uuid]) -> Result<Value, ErrorCode> {
        let params = json!({ "name": "IMAGE", "url": url, "backupStorageUuids": storages, "format": "qcow2" });
        self.node.inventory("POST", "/images", json!({ "params": params })).await
    }

    /// An image that is ready.
    pub(crate) async fn image(&self, storages: &[Uuid]) -> Uuid {
        uuid(&self.add(storages).await.expect("added"))
    }

    pub(crate) async fn act(&self, image: Uuid, action: &str, params: Value) -> Result<Value, ErrorCode> {
        self.node.call("PUT", &format!("/images/{image}/actions"), json!({ action: params })).await
    }

    pub(crate) async fn delete(&self, image: Uuid) -> Result<Value, ErrorCode> {
        self.node.call("DELETE", &format!("/images/{image}"), Value::Null).await
    }

    pub(crate) async fn shown(&self, image: Uuid) -> Option<Value> {
        self.node.query(&format!("/images?q=uuid={image}")).await.pop()
    }
}

pub(crate) fn uuid(inventory: &Value) -> Uuid {
    inventory["uuid"].as_str().and_then(|text| text.parse().ok()).expect("a uuid")
}
