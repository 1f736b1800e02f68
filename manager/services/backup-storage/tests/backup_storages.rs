//! The life of backup storages, as clients see it.
//!
//! flow failed everywhere: add-backup-storage

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{BackupStorageDriver, Capacity, FetchFrom, StoredImage},
    message::backup_storage::RefreshBackupStorage,
    resource::{BackupStorage, BackupStorageZoneRef, Image, ResourceState, SftpBackupStorage, Zone},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};

const PASSWORD: &str = "secret-of-the-machine";

/// A machine that is there or not.
#[derive(Default)]
struct Machine {
    away: AtomicBool,
    connected: Mutex<BTreeSet<Uuid>>,
    available: Mutex<i64>,
}

impl Machine {
    fn answer<T>(&self, answer: T) -> Result<T, ErrorCode> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(ErrorCode::operation("it does not answer")),
            false => Ok(answer),
        }
    }
}

#[async_trait]
impl BackupStorageDriver for Machine {
    async fn connect(&self, storage: &BackupStorage, _: bool) -> Result<Capacity, ErrorCode> {
        // Half of it is done before it fails.
        self.connected.lock().expect("not poisoned").insert(storage.uuid);
        self.answer(Capacity { total: 1000, available: *self.available.lock().expect("not poisoned") })
    }
    async fn ping(&self, _: &BackupStorage) -> Result<(), ErrorCode> {
        self.answer(())
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
    async fn fetch_from(&self, _: &BackupStorage, _: &str) -> Result<FetchFrom, ErrorCode> {
        Err(ErrorCode::operation("nobody asks this here"))
    }
    async fn disconnect(&self, storage: Uuid) -> Result<(), ErrorCode> {
        self.connected.lock().expect("not poisoned").remove(&storage);
        Ok(())
    }
}

async fn start() -> (TestNode, Arc<Machine>) {
    let machine = Arc::new(Machine::default());
    let driver = machine.clone();
    let node = TestNode::start_with(include_str!("../flows.toml"), |setup| {
        stranger(setup, Zone::META);
        setup.resources(&[BackupStorage::META, SftpBackupStorage::META, BackupStorageZoneRef::META]);
        setup.driver::<dyn BackupStorageDriver>("SftpBackupStorage", driver);
        cumulo_service_backup_storage::install(setup);
    })
    .await;
    (node, machine)
}

async fn add(node: &TestNode, hostname: &str) -> Result<Value, ErrorCode> {
    let params = json!({ "name": "BS", "hostname": hostname, "username": "root", "password": PASSWORD, "url": "/bs" });
    node.inventory("POST", "/backup-storage/sftp", json!({ "params": params })).await
}

async fn shown(node: &TestNode) -> Value {
    node.query("/backup-storage").await.pop().expect("there")
}

#[tokio::test]
async fn a_storage_is_added_changed_and_deleted() {
    let (node, machine) = start().await;
    *machine.available.lock().expect("not poisoned") = 600;
    let added = add(&node, "10.0.0.1").await.expect("added");
    assert_eq!((added["status"].as_str(), added["state"].as_str()), (Some("Connected"), Some("Enabled")));
    assert_eq!((added["totalCapacity"].as_i64(), added["availableCapacity"].as_i64()), (Some(1000), Some(600)));
    assert_eq!(added["hostname"], "10.0.0.1");
    assert!(!added.to_string().contains(PASSWORD));
    let uuid = added["uuid"].as_str().expect("a uuid");

    let path = format!("/backup-storage/{uuid}/actions");
    let body = json!({ "updateBackupStorage": { "name": "$(id)" } });
    assert_eq!(node.inventory("PUT", &path, body).await.expect("updated")["name"], "$(id)");
    let body = json!({ "changeBackupStorageState": { "stateEvent": "disable" } });
    assert_eq!(node.inventory("PUT", &path, body).await.expect("changed")["state"], "Disabled");
    let body = json!({ "updateSftpBackupStorage": { "sshPort": 2222, "password": "another" } });
    let path = format!("/backup-storage/sftp/{uuid}/actions");
    assert_eq!(node.inventory("PUT", &path, body).await.expect("updated")["sshPort"], 2222);

    for _ in 0..2 {
        node.call("DELETE", &format!("/backup-storage/{uuid}"), Value::Null).await.expect("deleted");
    }
    assert!(node.query("/backup-storage").await.is_empty());
    assert!(machine.connected.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn passwords_are_sealed_at_rest() {
    let (node, _) = start().await;
    let added = add(&node, "10.0.0.1").await.expect("added");
    let uuid: Uuid = added["uuid"].as_str().and_then(|text| text.parse().ok()).expect("a uuid");
    let row = node.kernel().db().find(SftpBackupStorage::UUID, &uuid).await.expect("readable").expect("there");
    assert!(!row.password.contains(PASSWORD));
    assert_eq!(node.kernel().vault().unseal(&row.password).as_deref(), Ok(PASSWORD));
}

#[tokio::test]
async fn one_that_cannot_be_connected_leaves_nothing() {
    let (node, machine) = start().await;
    machine.away.store(true, Ordering::SeqCst);
    let refused = add(&node, "10.0.0.1").await.expect_err("away");
    assert!(refused.details.contains("it does not answer"), "{refused}");
    assert!(node.query("/backup-storage").await.is_empty());
    assert!(machine.connected.lock().expect("not poisoned").is_empty());
    machine.away.store(false, Ordering::SeqCst);
    add(&node, "10.0.0.1").await.expect("nothing of the first try is in the way");
}

#[tokio::test]
async fn what_could_not_be_meant_is_refused() {
    let (node, _) = start().await;
    add(&node, "10.0.0.1").await.expect("added");
    let twice = add(&node, "10.0.0.1").await.expect_err("one agent a machine");
    assert!(twice.details.contains("10.0.0.1"), "{twice}");
    assert_eq!(add(&node, "-oProxyCommand=reboot").await.expect_err("no host").code, "SYS.1007");
    assert_eq!(node.query("/backup-storage").await.len(), 1);
}

#[tokio::test]
async fn zones_come_and_go() {
    let (node, _) = start().await;
    let zone = Zone {
        uuid: Uuid::random(),
        name: "Z".to_owned(),
        description: None,
        state: ResourceState::Enabled,
        r#type: "zstack".to_owned(),
        is_default: false,
        create_date: Timestamp::now(),
        last_op_date: Timestamp::now(),
    };
    let mut batch = node.kernel().db().batch();
    batch.insert(&zone);
    node.kernel().db().commit(batch).await.expect("inserted");
    let added = add(&node, "10.0.0.1").await.expect("added");
    let path = format!("/zones/{}/backup-storage/{}", zone.uuid, added["uuid"].as_str().expect("a uuid"));
    for _ in 0..2 {
        let attached = node.inventory("POST", &path, json!({})).await.expect("attached");
        assert_eq!(attached["attachedZoneUuids"], json!([zone.uuid]));
    }
    let detached = node.inventory("DELETE", &path, Value::Null).await.expect("detached");
    assert_eq!(detached["attachedZoneUuids"], json!([]));
    node.inventory("POST", &path, json!({})).await.expect("attached");
    node.kernel().cascade().delete(Zone::META.vo, vec![zone.uuid], false).await.expect("deleted");
    assert_eq!(shown(&node).await["attachedZoneUuids"], json!([]));
}

#[tokio::test]
async fn sizes_are_read_anew_and_summed() {
    let (node, machine) = start().await;
    let added = add(&node, "10.0.0.1").await.expect("added");
    let backup_storage: Uuid = added["uuid"].as_str().and_then(|text| text.parse().ok()).expect("a uuid");
    *machine.available.lock().expect("not poisoned") = 400;
    node.kernel().bus().call(RefreshBackupStorage { backup_storage }).await.expect("read");
    let sums = node.call("GET", "/backup-storage/capacities?all=true", Value::Null).await.expect("answered");
    assert_eq!((sums["totalCapacity"].as_i64(), sums["availableCapacity"].as_i64()), (Some(1000), Some(400)));
    assert!(node.call("GET", "/backup-storage/capacities", Value::Null).await.is_err());
    let types = node.call("GET", "/backup-storage/types", Value::Null).await.expect("answered");
    assert_eq!(types["types"], json!(["SftpBackupStorage"]));
}

#[tokio::test]
async fn a_machine_that_is_lost_is_noticed_and_one_that_is_back_too() {
    let (node, machine) = start().await;
    let configs = node.kernel().configs();
    for (name, value) in [("ping.interval", "1"), ("ping.sleepPeriodAfterFailure", "0")] {
        configs.set("backupStorage", name, Some(value)).await.expect("set");
    }
    let added = add(&node, "10.0.0.1").await.expect("added");
    cumulo_service_backup_storage::start(node.kernel());
    for (away, status) in [(true, "Disconnected"), (false, "Connected")] {
        machine.away.store(away, Ordering::SeqCst);
        let deadline = Instant::now() + Duration::from_secs(30);
        while shown(&node).await["status"] != status {
            assert!(Instant::now() < deadline, "it never became {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    machine.away.store(true, Ordering::SeqCst);
    let path = format!("/backup-storage/{}/actions", added["uuid"].as_str().expect("a uuid"));
    let refused = node.call("PUT", &path, json!({ "reconnectBackupStorage": {} })).await.expect_err("away");
    assert!(refused.details.contains("BS[uuid:"), "{refused}");
    assert_eq!(shown(&node).await["status"], "Disconnected");
}

#[tokio::test]
async fn adding_that_fails_anywhere_leaves_nothing_behind() {
    let (node, machine) = start().await;
    node.fail_everywhere(
        async || add(&node, "10.0.0.1").await,
        async |outcome, place| {
            if let Ok(added) = outcome {
                assert_eq!(added["status"], "Connected", "failed at {place}");
                let path = format!("/backup-storage/{}", added["uuid"].as_str().expect("a uuid"));
                node.call("DELETE", &path, Value::Null).await.expect("deleted");
            }
            assert!(node.query("/backup-storage").await.is_empty(), "failed at {place}");
            assert!(machine.connected.lock().expect("not poisoned").is_empty(), "failed at {place}");
        },
    )
    .await;
}
