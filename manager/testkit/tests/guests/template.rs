//! Images of root volumes: what a stopped VM has on its disk, on backup storages, for new VMs to start from.
//!
//! flow failed everywhere: create-template

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cumulo_agent_rt::{
    sim::{Fault, On},
    storage::{FakeDisks, FakeFile},
};
use cumulo_contracts::resource::{Host, HostStatus};
use cumulo_kernel::faults::{Point, Probe, Verdict};
use cumulo_schema::Uuid;
use cumulo_storage_agent::sim::SimStorage;
use serde_json::{Value, json};

use crate::life::{Life, uuid};

/// What the guest wrote to its disk, in bytes.
const WRITTEN: u64 = 5 << 20;

impl Life {
    /// A stopped VM whose guest has written something.
    async fn stopped() -> Self {
        let life = Self::new().await;
        life.act("stopVmInstance", json!({})).await.expect("stopped");
        let volume = life.row().await["allVolumes"][0].clone();
        let path = PathBuf::from(volume["installPath"].as_str().expect("a path"));
        let disks = life.host().doors().disks.clone();
        let file = disks.files()[&path].clone();
        disks.put(&path, FakeFile { actual_size: WRITTEN, ..file }).expect("it fits");
        life
    }

    async fn template(&self, params: Value) -> Result<Value, String> {
        let volume = self.row().await["rootVolumeUuid"].as_str().expect("a uuid").to_owned();
        let mut all = json!({ "name": "template" });
        all.as_object_mut().expect("an object").extend(params.as_object().expect("an object").clone());
        let path = format!("/images/root-volume-templates/from/volumes/{volume}");
        self.call("POST", &path, json!({ "params": all })).await.map(|mut answer| answer["inventory"].take())
    }

    /// Another backup storage, which the host reaches at `address`.
    async fn shelf(&self, address: &str) -> String {
        let params = json!({ "name": address, "url": "/cumulo_bs", "hostname": address, "username": "images", "password": "secret" });
        let shelf = uuid(&self.world.make("POST", "/backup-storage/sftp", json!({ "params": params })).await);
        self.host().doors().images.join(address, self.storage(&shelf).disks());
        shelf
    }

    async fn attach_shelf(&self, shelf: &str) {
        let path = format!("/zones/{}/backup-storage/{shelf}", self.cloud.zone);
        self.call("POST", &path, json!({ "params": {} })).await.expect("attached");
    }

    fn storage(&self, storage: &str) -> Arc<SimStorage> {
        self.world.sims.storage(storage.parse().expect("a uuid"))
    }

    async fn image(&self, image: &str) -> Option<Value> {
        self.world.query(&format!("/images?q=uuid={image}")).await.pop()
    }

    async fn expunge_image(&self, image: &str) {
        self.call("DELETE", &format!("/images/{image}"), Value::Null).await.expect("deleted");
        let expunge = json!({ "expungeImage": {} });
        self.call("PUT", &format!("/images/{image}/actions"), expunge).await.expect("expunged");
    }

    /// Has what is owed cleaned up now.
    async fn settle(&self) {
        for debt in self.world.query("/gc-jobs?q=status!=Done").await {
            let path = format!("/gc-jobs/{}/actions", uuid(&debt));
            self.call("PUT", &path, json!({ "triggerGCJob": {} })).await.expect("cleaned up");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_vm_becomes_an_image_that_new_vms_start_from() {
    let life = Life::stopped().await;
    life.act("setVmBootMode", json!({ "bootMode": "UEFI" })).await.expect("set");
    let (files, row) = (life.host().world().files, life.row().await);
    let volume = &row["allVolumes"][0];
    let made = life.template(json!({ "guestOsType": "Debian 12" })).await.expect("made");
    for (field, value) in [
        ("status", json!("Ready")),
        ("state", json!("Enabled")),
        ("mediaType", json!("RootVolumeTemplate")),
        ("format", json!("qcow2")),
        ("platform", row["platform"].clone()),
        ("architecture", row["architecture"].clone()),
        ("guestOsType", json!("Debian 12")),
        ("size", volume["size"].clone()),
        ("actualSize", json!(WRITTEN + (16 << 20))),
        ("url", json!(format!("volume://{}", uuid(volume)))),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let (image, copy) = (uuid(&made), &made["backupStorageRefs"][0]);
    assert_eq!((&copy["status"], &copy["backupStorageUuid"]), (&json!("Ready"), &json!(life.cloud.backup_storage)));
    let there = life.storage(&life.cloud.backup_storage).files();
    let file = &there[&PathBuf::from(copy["installPath"].as_str().expect("a path"))];
    assert_eq!(made["md5Sum"], json!(FakeDisks::digests_of(file).md5));
    assert!(!there.keys().any(|path| path.to_string_lossy().ends_with(".incoming")), "{there:?}");
    assert_eq!(life.host().world().files, files, "nothing of it stays on the host");
    let tags = life.world.query(&format!("/system-tags?q=resourceUuid={image}")).await;
    assert!(tags.iter().any(|tag| tag["tag"] == "bootMode::UEFI"), "{tags:?}");
    let actions = format!("/images/{image}/actions");
    let sync = life.call("PUT", &actions, json!({ "syncImageSize": {} })).await.expect("looked at");
    assert_eq!(sync["inventory"]["actualSize"], made["actualSize"]);

    let mut body = life.cloud.vm("twin");
    body["params"]["imageUuid"] = json!(image);
    let twin = life.world.make("POST", "/vm-instances", body).await;
    assert_eq!((&twin["state"], &twin["allVolumes"][0]["size"]), (&json!("Running"), &made["size"]));
    // It does not need the VM that it was made of, nor that VM's image.
    life.call("DELETE", &format!("/vm-instances/{}", life.vm), Value::Null).await.expect("destroyed");
    life.act("expungeVmInstance", json!({})).await.expect("expunged");
    life.expunge_image(&life.cloud.image).await;
    life.act_on(&uuid(&twin), "stopVmInstance", json!({})).await.expect("stopped");
    life.act_on(&uuid(&twin), "startVmInstance", json!({})).await.expect("started");
    life.expunge_image(&image).await;
    assert!(life.storage(&life.cloud.backup_storage).files().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_become_an_image_is_refused_before_anything_is_begun() {
    let life = Life::new().await;
    let before = (life.world.rows().await, life.host().world());
    let running = life.template(json!({})).await.expect_err("it runs");
    assert!(running.contains("is Running") && running.contains("stop it first"), "{running}");
    assert_eq!(life.host().world(), before.1);

    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let far = life.shelf("10.9.9.2").await;
    let refused = life.template(json!({ "backupStorageUuids": [far] })).await.expect_err("in no zone");
    assert!(refused.contains("is not attached to zone"), "{refused}");
    life.attach_shelf(&far).await;
    let disable = json!({ "changeBackupStorageState": { "stateEvent": "disable" } });
    life.call("PUT", &format!("/backup-storage/{far}/actions"), disable).await.expect("disabled");
    let both = json!({ "backupStorageUuids": [life.cloud.backup_storage, far] });
    let refused = life.template(both).await.expect_err("one of them is disabled");
    assert!(refused.contains("is Disabled"), "{refused}");
    let simulated = json!({ "name": "pretended", "url": "nowhere" });
    let simulated = uuid(&life.world.make("POST", "/backup-storage/simulators", json!({ "params": simulated })).await);
    life.attach_shelf(&simulated).await;
    let before = (life.world.rows().await, life.host().world());
    let refused = life.template(json!({ "backupStorageUuids": [simulated] })).await.expect_err("of another world");
    assert!(refused.contains("takes images by simulation"), "{refused}");
    let path = format!("/images/candidate-backup-storage?volumeUuid={}", uuid(&life.row().await["allVolumes"][0]));
    let candidates = life.world.query(&path).await;
    assert_eq!(candidates.iter().map(uuid).collect::<Vec<_>>(), std::slice::from_ref(&life.cloud.backup_storage));
    let taken = life.template(json!({ "resourceUuid": life.cloud.image })).await.expect_err("the id is taken");
    assert!(taken.contains("exists already"), "{taken}");
    cumulo_testkit::assert_same(&life.world.rows().await, &before.0, "refusals");
    assert_eq!(life.host().world(), before.1);

    let mut batch = life.world.kernel().db().batch();
    batch.update::<Host>().set(Host::STATUS, &HostStatus::Disconnected).any();
    life.world.kernel().db().commit(batch).await.expect("written");
    let refused = life.template(json!({})).await.expect_err("nobody would copy it");
    assert!(refused.contains("is Disconnected; reconnect it first"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_on_all_backup_storages_or_on_none() {
    let life = Life::stopped().await;
    let second = life.shelf("10.9.9.2").await;
    life.attach_shelf(&second).await;
    let shelves = [life.storage(&life.cloud.backup_storage), life.storage(&second)];
    let both = json!({ "backupStorageUuids": [life.cloud.backup_storage, second] });
    let before = (life.world.rows().await, shelves.each_ref().map(|shelf| shelf.files()), life.host().world());
    for command in ["OpenUpload", "AcceptUpload"] {
        for fault in [Fault::FailBefore, Fault::FailAfter] {
            shelves[1].faults().plan(On::Next(command), fault.clone());
            let failed = life.template(both.clone()).await.expect_err("on purpose");
            assert!(failed.contains("on backup storage 10.9.9.2"), "{failed}");
            let place = format!("{command} with {fault:?}");
            cumulo_testkit::assert_same(&life.world.rows().await, &before.0, &place);
            assert_eq!(shelves.each_ref().map(|shelf| shelf.files()), before.1, "{place}");
            assert_eq!(life.host().world(), before.2, "{place}");
        }
    }
    // The address is that of another machine meanwhile.
    life.host().doors().images.join("10.9.9.2", FakeDisks::new(1 << 40));
    let failed = life.template(both.clone()).await.expect_err("nobody made room there");
    assert!(failed.contains("could not upload the image"), "{failed}");
    assert_eq!(shelves.each_ref().map(|shelf| shelf.files()), before.1);
    life.host().doors().images.join("10.9.9.2", shelves[1].disks());

    let made = life.template(both).await.expect("made");
    let copies = made["backupStorageRefs"].as_array().expect("a list");
    assert_eq!(copies.len(), 2);
    for (copy, shelf) in copies.iter().zip([0, 1]) {
        assert_eq!(copy["status"], "Ready");
        assert_eq!(shelves[shelf].files().len(), before.1[shelf].len() + 1);
    }
    // Without a word of where, it goes to the emptiest.
    let other = life.template(json!({})).await.expect("made");
    assert_eq!(other["backupStorageRefs"].as_array().expect("a list").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_fails_anywhere_leaves_nothing_behind() {
    let life = Life::stopped().await;
    let shelf = life.storage(&life.cloud.backup_storage);
    let files = shelf.files();
    let made = std::sync::Mutex::new(None);
    let passed = life
        .fail_everywhere(
            async || {
                let outcome = life.template(json!({ "userTags": ["golden"] })).await;
                match &outcome {
                    Ok(image) => {
                        assert_eq!((&image["status"], shelf.files().len()), (&json!("Ready"), files.len() + 1));
                        *made.lock().expect("not poisoned") = Some(uuid(image));
                    }
                    Err(_) => assert_eq!(shelf.files(), files),
                }
                outcome
            },
            async || {
                let image = made.lock().expect("not poisoned").take().expect("made");
                life.settle().await;
                life.expunge_image(&image).await;
                assert_eq!(shelf.files(), files);
            },
        )
        .await;
    assert!(passed > 25, "it passes several places, not {passed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_on_the_way_finishes_in_its_next_life() {
    let mut life = Life::stopped().await;
    let files = life.host().world().files;
    let volume = life.row().await["rootVolumeUuid"].as_str().expect("a uuid").to_owned();
    let path = format!("/images/root-volume-templates/from/volumes/{volume}");
    for step in [
        "check-volume",
        "record-image",
        "flatten-volume",
        "open-uploads",
        "upload-image",
        "accept-image",
        "mark-ready",
        "drop-flat-volume",
    ] {
        let died = Arc::new(AtomicBool::new(false));
        assert!(life.world.kernel().faults().install(Arc::new(Dies { step, died: died.clone() })).is_ok());
        let job = Uuid::random();
        life.world.submit(job, "POST", &path, &json!({ "params": { "name": step } })).await;
        life.world.cut_off(&died).await;
        life.world.stop().await;
        life.world.start().await;
        let deadline = Instant::now() + Duration::from_secs(30);
        let outcome = loop {
            if let Some(outcome) = life.world.poll(job).await {
                break outcome;
            }
            assert!(Instant::now() < deadline, "no answer after dying at the end of {step}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let made = outcome.unwrap_or_else(|refused| panic!("dying at the end of {step}: {refused:?}"));
        assert_eq!(made["inventory"]["status"], "Ready", "after dying at the end of {step}");
        let image = uuid(&made["inventory"]);
        assert!(life.image(&image).await.is_some());
        assert_eq!(life.host().world().files, files, "after dying at the end of {step}");
        life.expunge_image(&image).await;
    }
}

struct Dies {
    step: &'static str,
    died: Arc<AtomicBool>,
}

impl Probe for Dies {
    fn at(&self, point: Point<'_>) -> Verdict {
        match point {
            Point::StepEnd { step, .. } if step == self.step => {
                self.died.store(true, Ordering::SeqCst);
                Verdict::Die
            }
            _ => Verdict::Pass,
        }
    }
}
