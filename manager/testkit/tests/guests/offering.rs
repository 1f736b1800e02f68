//! Instance offerings that change: at once, or when the VM next stops.

use serde_json::{Value, json};

use crate::life::{Life, uuid};

impl Life {
    async fn offering(&self, name: &str, cpu_num: i32, memory: i64) -> String {
        let offering = json!({ "params": { "name": name, "cpuNum": cpu_num, "memorySize": memory } });
        uuid(&self.world.make("POST", "/instance-offerings", offering).await)
    }

    async fn change_to(&self, offering: &str) -> Result<Value, String> {
        let params = json!({ "instanceOfferingUuid": offering });
        self.act("changeInstanceOffering", params).await.map(|mut answer| answer["inventory"].take())
    }

    /// Processors, as the host has the guest.
    fn processors(&self) -> u32 {
        self.host().world().vms.values().next().expect("it runs").spec.cpus
    }
}

fn size(vm: &Value) -> (Option<i64>, Option<i64>) {
    (vm["cpuNum"].as_i64(), vm["memorySize"].as_i64())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_vm_has_its_size_at_once_and_a_running_one_when_it_has_stopped() {
    let life = Life::new().await;
    let (medium, large) = (life.offering("medium", 2, 256 << 20).await, life.offering("large", 4, 512 << 20).await);
    for offering in [&large, &medium] {
        let vm = life.change_to(offering).await.expect("changed");
        assert_eq!((&vm["instanceOfferingUuid"], size(&vm)), (&json!(offering), (Some(1), Some(128 << 20))));
        assert_eq!(life.tags().await.len(), 1, "what waits is the last that was asked for");
    }
    life.act("rebootVmInstance", json!({})).await.expect("rebooted");
    assert_eq!(life.processors(), 1, "nothing more is held for it yet");
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    assert_eq!((size(&life.row().await), life.tags().await), ((Some(2), Some(256 << 20)), vec![]));
    let vm = life.change_to(&large).await.expect("changed");
    assert_eq!((size(&vm), life.tags().await), ((Some(4), Some(512 << 20)), vec![]));
    life.act("startVmInstance", json!({})).await.expect("started");
    assert_eq!(life.processors(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_at_the_start_and_what_cannot_be_at_once() {
    let life = Life::new().await;
    let huge = life.offering("huge", 1, 1 << 50).await;
    let disabled = life.offering("disabled", 1, 1 << 28).await;
    let disable = json!({ "changeInstanceOfferingState": { "stateEvent": "disable" } });
    life.call("PUT", &format!("/instance-offerings/{disabled}/actions"), disable).await.expect("disabled");
    assert!(life.change_to(&disabled).await.expect_err("disabled").contains("is disabled"));
    let tag = "pendingCapacityChange::cpuNum::9::cpuSpeed::0::memory::9";
    let by_hand = json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": life.vm, "tag": tag } });
    let refused = life.call("POST", "/system-tags", by_hand).await.expect_err("by hand");
    assert!(refused.contains("ChangeInstanceOffering"), "{refused}");
    life.change_to(&huge).await.expect("waits");
    let waiting = life.world.query(&format!("/system-tags?q=resourceUuid={}", life.vm)).await.remove(0);
    let refused = life.call("DELETE", &format!("/tags/{}", uuid(&waiting)), Value::Null).await.expect_err("inherent");
    assert!(refused.contains("inherent"), "{refused}");
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    life.act("startVmInstance", json!({})).await.expect_err("no host has that");
    life.change_to(&life.cloud.offering).await.expect("back");
    life.act("startVmInstance", json!({})).await.expect("started");
    assert_eq!(
        (life.row().await["instanceOfferingUuid"].as_str(), life.processors()),
        (Some(&*life.cloud.offering), 1)
    );
}
