//! Root volumes that go back to their images.
//!
//! flow failed everywhere: reimage-vm

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::life::Life;

impl Life {
    async fn reimage(&self) -> Result<Value, String> {
        self.act("reimageVmInstance", json!({})).await
    }

    async fn volume(&self) -> Value {
        self.row().await["allVolumes"][0].clone()
    }

    /// The guest writes to its disk.
    async fn write(&self) {
        let path = PathBuf::from(self.volume().await["installPath"].as_str().expect("a path"));
        let disks = self.host().doors().disks.clone();
        let file = disks.files()[&path].clone();
        disks.put(&path, cumulo_agent_rt::storage::FakeFile { actual_size: 64 << 20, ..file }).expect("it fits");
    }

    /// What the root volume takes of its host's disk, in bytes.
    async fn written(&self) -> u64 {
        let path = PathBuf::from(self.volume().await["installPath"].as_str().expect("a path"));
        self.host().doors().disks.files()[&path].actual_size
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guest_wrote_is_gone() {
    let life = Life::new().await;
    let refused = life.reimage().await.expect_err("it runs");
    assert!(refused.contains("needs it to be Stopped"), "{refused}");
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let (volume, before) = (life.volume().await, life.written().await);
    life.write().await;
    assert!(life.written().await > before);
    let planned = life.act("reimageVmInstance", json!({ "dryRun": true })).await.expect("planned");
    assert_eq!(planned["plan"]["resources"][0]["resource"], "VolumeVO", "{planned}");
    assert!(life.written().await > before, "a plan does nothing");
    for _ in 0..2 {
        life.reimage().await.expect("reset");
        assert_eq!(life.written().await, before);
    }
    let after = life.volume().await;
    for kept in ["uuid", "installPath", "size", "primaryStorageUuid"] {
        assert_eq!(after[kept], volume[kept], "{kept}");
    }
    life.act("startVmInstance", json!({})).await.expect("started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_image_any_more_cannot_go_back_to_it() {
    let life = Life::new().await;
    let iso = life.world.iso(&life.cloud, "installer").await;
    let mut body = life.cloud.vm("installed");
    body["params"]["imageUuid"] = json!(iso);
    body["params"]["rootDiskSize"] = json!(1 << 30);
    let installed = crate::life::uuid(&life.world.make("POST", "/vm-instances", body).await);
    life.act_on(&installed, "stopVmInstance", json!({})).await.expect("stopped");
    let refused = life.act_on(&installed, "reimageVmInstance", json!({})).await.expect_err("from an ISO image");
    assert!(refused.contains("ISO image"), "{refused}");

    life.act("stopVmInstance", json!({})).await.expect("stopped");
    life.write().await;
    let written = life.written().await;
    life.call("DELETE", &format!("/images/{}", life.cloud.image), Value::Null).await.expect("deleted");
    let refused = life.reimage().await.expect_err("the image is gone");
    assert!(refused.contains("Deleted"), "{refused}");
    assert_eq!(life.written().await, written, "nothing is lost for it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reimage_that_fails_anywhere_owes_nothing_and_can_be_asked_for_again() {
    let life = Life::new().await;
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let passed = life.fail_everywhere(async || life.reimage().await, async || ()).await;
    assert!(passed > 5, "a reimage passes several places, not {passed}");
}
