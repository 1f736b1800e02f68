//! The driver against a simulated storage agent: real commands, fake disks.

use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use cumulo_agent_rt::storage::FakeFile;
use cumulo_contracts::{
    ext::storage::{BackupStorageDriver, FetchFrom, SftpFile},
    resource::{BackupStorage, Image, ImageMediaType, ImageStatus, ResourceState, SftpBackupStorage, StorageStatus},
};
use cumulo_gateway::{AgentKind, DeployError, Deployer, Deployment, Gateway};
use cumulo_schema::{Resource, Timestamp, Uuid};
use cumulo_storage_agent::sim::SimStorage;
use cumulo_testnode::{TestNode, stranger};

const URL: &str = "http://images/guest.qcow2";
const PASSWORD: &str = "secret-of-the-machine";

/// Brings a simulated agent in where Ansible would install one, and remembers what it was told.
#[derive(Default)]
struct Machines {
    gateway: OnceLock<Gateway>,
    deployed: Mutex<Vec<Deployment>>,
    agent: OnceLock<SimStorage>,
}

#[async_trait]
impl Deployer for Machines {
    async fn deploy(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let gateway = self.gateway.get().expect("installed");
        let agent = self.agent.get_or_init(|| {
            let agent = SimStorage::new(&deployment.agent.to_string(), 1 << 40, gateway.callbacks());
            agent.origin().publish(URL, Some(file()));
            agent
        });
        gateway.attach_link(deployment.agent, agent.link());
        self.deployed.lock().expect("not poisoned").push(deployment.clone());
        Ok(())
    }
}

fn file() -> FakeFile {
    FakeFile::whole("qcow2", 1 << 30, 1 << 20)
}

struct Fixture {
    node: TestNode,
    machines: Arc<Machines>,
    storage: BackupStorage,
}

impl Fixture {
    async fn new() -> Self {
        let machines = Arc::new(Machines::default());
        let deployer = machines.clone();
        let node = TestNode::start(|setup| {
            stranger(setup, BackupStorage::META);
            stranger(setup, SftpBackupStorage::META);
            let gateway = Gateway::in_process(setup, deployer.clone());
            assert!(deployer.gateway.set(gateway.clone()).is_ok());
            cumulo_plugin_sftp::install(setup, gateway);
        })
        .await;
        let (storage, now) = (Uuid::random(), Timestamp::now());
        let storage = BackupStorage {
            uuid: storage,
            name: "BS".to_owned(),
            url: "/cumulo_bs".to_owned(),
            description: None,
            total_capacity: 0,
            available_capacity: 0,
            r#type: cumulo_plugin_sftp::TYPE.to_owned(),
            state: ResourceState::Enabled,
            status: StorageStatus::Connecting,
            create_date: now,
            last_op_date: now,
        };
        let mut batch = node.kernel().db().batch();
        batch.insert(&storage).insert(&SftpBackupStorage {
            uuid: storage.uuid,
            hostname: "10.0.0.1".to_owned(),
            username: "root".to_owned(),
            ssh_port: 2222,
            password: node.kernel().vault().seal(PASSWORD),
            host_key: Some("SHA256:of-another-life".to_owned()),
        });
        node.kernel().db().commit(batch).await.expect("inserted");
        Self { node, machines, storage }
    }

    fn driver(&self) -> Arc<dyn BackupStorageDriver> {
        self.node.kernel().registry().driver("backup storage", cumulo_plugin_sftp::TYPE).expect("installed")
    }

    fn image(&self, url: &str) -> Image {
        let now = Timestamp::now();
        Image {
            uuid: Uuid::random(),
            name: "I".to_owned(),
            description: None,
            state: ResourceState::Enabled,
            status: ImageStatus::Downloading,
            size: 0,
            actual_size: 0,
            md5_sum: None,
            url: url.to_owned(),
            media_type: ImageMediaType::RootVolumeTemplate,
            guest_os_type: None,
            r#type: "zstack".to_owned(),
            platform: None,
            architecture: None,
            format: "qcow2".to_owned(),
            system: false,
            virtio: true,
            create_date: now,
            last_op_date: now,
            sha256: None,
        }
    }
}

#[tokio::test]
async fn a_storage_is_deployed_with_its_login_and_connected() {
    let fixture = Fixture::new().await;
    let (driver, storage) = (fixture.driver(), &fixture.storage);
    assert!(driver.ping(storage).await.is_err(), "nobody is there yet");
    let capacity = driver.connect(storage, true).await.expect("connected");
    assert_eq!((capacity.total, capacity.available), (1 << 40, 1 << 40));
    driver.connect(storage, false).await.expect("connected again");
    driver.ping(storage).await.expect("answers");
    {
        let deployed = fixture.machines.deployed.lock().expect("not poisoned");
        assert_eq!(deployed.len(), 1);
        let (kind, target) = (deployed[0].kind, &deployed[0].target);
        assert_eq!((kind, target.host.as_str(), target.port), (AgentKind::Storage, "10.0.0.1", 2222));
        assert_eq!(target.password.expose(), PASSWORD);
        assert!(!format!("{deployed:?}").contains(PASSWORD));
    }
    // The simulated machine has no SSH keys, so the one from before is not the machine's.
    let FetchFrom::Sftp(SftpFile { host_key, sealed_password, path, .. }) =
        driver.fetch_from(storage, "/cumulo_bs/x").await.expect("known");
    assert_eq!((host_key, path.as_str()), (None, "/cumulo_bs/x"));
    assert_eq!(fixture.node.kernel().vault().unseal(&sealed_password).as_deref(), Ok(PASSWORD));
    driver.disconnect(storage.uuid).await.expect("forgotten");
    assert!(driver.ping(storage).await.is_err());
}

#[tokio::test]
async fn an_image_is_downloaded_once_and_deleted() {
    let fixture = Fixture::new().await;
    let (driver, storage, image) = (fixture.driver(), &fixture.storage, fixture.image(URL));
    driver.connect(storage, true).await.expect("connected");
    let path = driver.image_path(storage, Uuid::ADMIN, image.uuid, "qcow2");
    let uuid = image.uuid;
    assert_eq!(path, format!("/cumulo_bs/rootVolumeTemplates/acct-{}/{uuid}/{uuid}.qcow2", Uuid::ADMIN));
    let first = driver.download(storage, &image, &path, Uuid::random()).await.expect("downloaded");
    assert_eq!((first.stored.size, first.stored.actual_size), (1 << 30, 1 << 20));
    assert_eq!(first.stored.format, "qcow2");
    let files = || fixture.machines.agent.get().expect("deployed").files();
    assert_eq!(files().keys().map(|path| path.display().to_string()).collect::<Vec<_>>(), std::slice::from_ref(&path));
    assert_eq!(driver.download(storage, &image, &path, Uuid::random()).await.expect("there"), first);
    for _ in 0..2 {
        driver.delete(storage, image.uuid, &path, Uuid::random()).await.expect("deleted");
        assert!(files().is_empty());
    }
}

#[tokio::test]
async fn what_is_no_image_and_what_lies_elsewhere_is_refused() {
    let fixture = Fixture::new().await;
    let (driver, storage) = (fixture.driver(), &fixture.storage);
    driver.connect(storage, true).await.expect("connected");
    let missing = "http://images/missing.qcow2";
    fixture.machines.agent.get().expect("deployed").origin().publish(missing, None);
    let image = fixture.image(missing);
    let path = driver.image_path(storage, Uuid::ADMIN, image.uuid, "qcow2");
    assert!(driver.download(storage, &image, &path, Uuid::random()).await.is_err());
    let raw = Image { format: "iso".to_owned(), ..fixture.image(URL) };
    let refused = driver.download(storage, &raw, &path, Uuid::random()).await.expect_err("no ISO");
    assert!(refused.details.contains("qcow2"), "{refused}");
    for path in ["/etc/passwd", "/cumulo_bs/../etc/passwd", "/cumulo_bsx/a"] {
        assert!(driver.delete(storage, image.uuid, path, Uuid::random()).await.is_err(), "{path}");
    }
    assert!(fixture.machines.agent.get().expect("deployed").files().is_empty());
}
