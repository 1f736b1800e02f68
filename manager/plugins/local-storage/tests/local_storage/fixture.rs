//! A node with the plugin, a simulated KVM agent, and what else the plugin asks.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, OnceLock},
};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{
        BackupStorageDriver, Capacity, FetchFrom, PrimaryStorageDriver, SftpFile, StoredImage, VolumePlace,
    },
    message::{
        image::ImageLocation,
        storage::{HoldCacheSpace, ReleaseCacheSpace},
    },
    resource::{
        BackupStorage, Host, Image, ImageCache, LocalStorageResourceRef, PrimaryStorage, PrimaryStorageState,
        ResourceState, StorageStatus,
    },
};
use cumulo_gateway::{DeployError, Deployer, Deployment, Gateway};
use cumulo_kernel::bus::Handle;
use cumulo_kvm_agent::sim::{SimHost, SimSpec};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};
use cumulo_testnode::{TestNode, stranger};

const TYPE: &str = cumulo_plugin_local_storage::TYPE;
/// The command that fetches an image.
pub(crate) const FETCH: &str = "DownloadImageToCache";
pub(crate) const COPY: i64 = 1 << 20;

/// The world around the plugin: a backup storage, the primary storage service, and an agent nobody needs to deploy.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) held: Mutex<HashMap<(Uuid, Uuid), i64>>,
    password: OnceLock<String>,
}

#[async_trait]
impl Handle<HoldCacheSpace> for Around {
    async fn handle(&self, ask: HoldCacheSpace) -> Result<(), ErrorCode> {
        self.held.lock().expect("not poisoned").insert((ask.host, ask.image), ask.size);
        Ok(())
    }
}

#[async_trait]
impl Handle<ReleaseCacheSpace> for Around {
    async fn handle(&self, ask: ReleaseCacheSpace) -> Result<(), ErrorCode> {
        self.held.lock().expect("not poisoned").remove(&(ask.host, ask.image));
        Ok(())
    }
}

#[async_trait]
impl Deployer for Around {
    async fn deploy(&self, _: &Deployment) -> Result<(), DeployError> {
        Ok(())
    }
}

#[async_trait]
impl BackupStorageDriver for Around {
    async fn connect(&self, _: &BackupStorage, _: bool) -> Result<Capacity, ErrorCode> {
        Ok(Capacity::default())
    }
    async fn ping(&self, _: &BackupStorage) -> Result<(), ErrorCode> {
        Ok(())
    }
    fn image_path(&self, _: &BackupStorage, _: Uuid, image: Uuid, _: &str) -> String {
        image.to_string()
    }
    async fn download(&self, _: &BackupStorage, _: &Image, _: &str, _: Uuid) -> Result<StoredImage, ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
    async fn delete(&self, _: &BackupStorage, _: Uuid, _: &str, _: Uuid) -> Result<(), ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
    async fn fetch_from(&self, _: &BackupStorage, install_path: &str) -> Result<FetchFrom, ErrorCode> {
        Ok(FetchFrom::Sftp(SftpFile {
            hostname: "10.0.0.1".to_owned(),
            port: 22,
            username: "root".to_owned(),
            sealed_password: self.password.get().expect("set").clone(),
            host_key: None,
            path: install_path.to_owned(),
        }))
    }
    async fn disconnect(&self, _: Uuid) -> Result<(), ErrorCode> {
        Ok(())
    }
}

pub(crate) struct Fixture {
    pub(crate) node: TestNode,
    pub(crate) around: Arc<Around>,
    pub(crate) gateway: Gateway,
    pub(crate) host: Uuid,
    pub(crate) sim: SimHost,
    pub(crate) storage: PrimaryStorage,
    pub(crate) image: ImageLocation,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let around = Arc::new(Around::default());
        let (installed, mut gateway) = (around.clone(), None);
        let node = TestNode::start(|setup| {
            for meta in [PrimaryStorage::META, Host::META, BackupStorage::META] {
                stranger(setup, meta);
            }
            setup.resources(&[ImageCache::META, LocalStorageResourceRef::META]);
            setup.message::<HoldCacheSpace>(installed.clone()).message::<ReleaseCacheSpace>(installed.clone());
            setup.driver::<dyn BackupStorageDriver>("SftpBackupStorage", installed.clone());
            let made = Gateway::in_process(setup, installed);
            cumulo_plugin_local_storage::install(setup, made.clone());
            gateway = Some(made);
        })
        .await;
        around.password.set(node.kernel().vault().seal("secret")).expect("set once");
        let (host, gateway) = (Uuid::random(), gateway.expect("installed"));
        let sim = SimHost::new(SimSpec::new(&host.to_string()), gateway.callbacks());
        gateway.attach_link(host, sim.link());
        let (storage, backup) = (a_storage(), a_backup_storage());
        let mut batch = node.kernel().db().batch();
        batch.insert(&storage).insert(&backup);
        node.kernel().db().commit(batch).await.expect("inserted");
        let image = ImageLocation {
            image: Uuid::random(),
            backup_storage: backup.uuid,
            backup_storage_type: "SftpBackupStorage".to_owned(),
            install_path: "/bs/guest.qcow2".to_owned(),
            size: 1 << 30,
            actual_size: COPY,
            format: "qcow2".to_owned(),
            sha256: None,
        };
        let fixture = Self { node, around, gateway, host, sim, storage, image };
        fixture.insert_host().await;
        fixture.driver().connect_host(&fixture.storage, host).await.expect("connected");
        fixture
    }

    pub(crate) fn driver(&self) -> Arc<dyn PrimaryStorageDriver> {
        self.node.kernel().registry().driver("primary storage", TYPE).expect("installed")
    }

    pub(crate) fn place(&self, volume: Uuid) -> VolumePlace {
        let install_path = self.driver().volume_path(&self.storage, Uuid::ADMIN, volume);
        VolumePlace { volume, host: self.host, install_path }
    }

    pub(crate) async fn make(&self, place: &VolumePlace) -> Result<i64, ErrorCode> {
        let driver = self.driver();
        let made = driver.create_from_image(&self.storage, place, &self.image, Some(2 << 30), Uuid::random());
        made.await.map(|made| made.size)
    }

    /// How often the agent was asked to fetch an image.
    pub(crate) fn fetches(&self) -> usize {
        let calls = self.sim.faults().calls();
        let tasks = calls.into_iter().filter(|call| call.command == FETCH).map(|call| call.task_id);
        tasks.collect::<BTreeSet<String>>().len()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        self.sim.world().files.keys().map(|path| path.display().to_string()).collect()
    }

    pub(crate) fn cache_path(&self) -> String {
        let image = self.image.image;
        format!("/cumulo_ps/imagecache/template/{image}/{image}.qcow2")
    }

    pub(crate) async fn insert_host(&self) {
        let now = Timestamp::now();
        let host = Host {
            zone_uuid: Uuid::random(),
            name: "H".to_owned(),
            uuid: self.host,
            cluster_uuid: Uuid::random(),
            description: None,
            management_ip: "10.0.0.2".to_owned(),
            hypervisor_type: "KVM".to_owned(),
            state: cumulo_contracts::resource::HostState::Enabled,
            status: cumulo_contracts::resource::HostStatus::Connected,
            total_cpu_capacity: 0,
            available_cpu_capacity: 0,
            cpu_sockets: 1,
            total_memory_capacity: 0,
            available_memory_capacity: 0,
            cpu_num: 1,
            ipmi_address: None,
            ipmi_username: None,
            ipmi_port: None,
            ipmi_power_status: None,
            architecture: None,
            create_date: now,
            last_op_date: now,
            cpu_mhz: 0,
            physical_memory: 0,
            used_memory: 0,
            reserved_memory: 0,
            vms: 0,
            facts: cumulo_schema::Json(serde_json::Value::Null),
            updated_by: None,
        };
        let mut batch = self.node.kernel().db().batch();
        batch.insert(&host);
        self.node.kernel().db().commit(batch).await.expect("inserted");
    }
}

fn a_storage() -> PrimaryStorage {
    let now = Timestamp::now();
    PrimaryStorage {
        uuid: Uuid::random(),
        zone_uuid: Uuid::random(),
        name: "PS".to_owned(),
        url: "/cumulo_ps".to_owned(),
        description: None,
        total_capacity: 0,
        available_capacity: 0,
        total_physical_capacity: 0,
        available_physical_capacity: 0,
        system_used_capacity: None,
        r#type: TYPE.to_owned(),
        state: PrimaryStorageState::Enabled,
        status: StorageStatus::Connected,
        mount_path: "/cumulo_ps".to_owned(),
        create_date: now,
        last_op_date: now,
    }
}

fn a_backup_storage() -> BackupStorage {
    let now = Timestamp::now();
    BackupStorage {
        uuid: Uuid::random(),
        name: "BS".to_owned(),
        url: "/bs".to_owned(),
        description: None,
        total_capacity: 0,
        available_capacity: 0,
        r#type: "SftpBackupStorage".to_owned(),
        state: ResourceState::Enabled,
        status: StorageStatus::Connected,
        create_date: now,
        last_op_date: now,
    }
}
