//! Names of guests.
//!
//! flow failed everywhere: rename-guest

use serde_json::{Value, json};

use crate::life::{Life, uuid};

impl Life {
    async fn name(&self, hostname: &str) -> Result<Value, String> {
        self.act("setVmHostname", json!({ "hostname": hostname })).await
    }

    /// What the host's DHCP server calls the guest.
    fn told(&self) -> Vec<Option<String>> {
        self.host().world().leases.values().map(|lease| lease.hostname.as_ref().map(ToString::to_string)).collect()
    }

    async fn hostname(&self) -> Value {
        let answer = self.call("GET", &format!("/vm-instances/{}/hostnames", self.vm), Value::Null).await;
        answer.expect("answered")["hostname"].clone()
    }

    async fn unname(&self) {
        let path = format!("/vm-instances/{}/hostnames", self.vm);
        self.call("DELETE", &path, Value::Null).await.expect("none is fine");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_guest_gets_a_name_at_once_and_loses_it() {
    let life = Life::new().await;
    assert_eq!(life.hostname().await, Value::Null);
    for name in ["web-1", "web-2.example.com", "web-2.example.com"] {
        life.name(name).await.expect("named");
        assert_eq!(life.hostname().await, name);
        assert_eq!(life.told(), [Some(name.to_owned())]);
        assert_eq!(life.tags().await, [format!("hostname::{name}")]);
    }
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    life.name("web-3").await.expect("a stopped one is named on the record");
    life.act("startVmInstance", json!({})).await.expect("started");
    assert_eq!(life.told(), [Some("web-3".to_owned())]);
    for _ in 0..2 {
        life.unname().await;
        assert_eq!((life.hostname().await, life.told()), (Value::Null, vec![None]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_one_vms_on_a_network() {
    let life = Life::new().await;
    life.name("web-1").await.expect("named");
    let mut twin = life.cloud.vm("twin");
    twin["systemTags"] = json!(["hostname::web-1"]);
    let refused = life.call("POST", "/vm-instances", twin.clone()).await.expect_err("taken");
    assert!(refused.contains("web-1") && refused.contains(&life.vm), "{refused}");
    twin["params"]["dryRun"] = json!(true);
    let plan = life.call("POST", "/vm-instances", twin.clone()).await.expect("a plan");
    assert!(plan["plan"]["vetoes"][0]["details"].as_str().expect("a text").contains(&life.vm), "{plan}");
    twin["systemTags"] = json!(["hostname::web-2"]);
    twin["params"]["dryRun"] = json!(false);
    let twin = uuid(&life.call("POST", "/vm-instances", twin).await.expect("made")["inventory"]);

    let refused = life.act_on(&twin, "setVmHostname", json!({ "hostname": "web-1" })).await.expect_err("taken");
    assert!(refused.contains(&life.vm), "{refused}");
    let tag =
        |vm: &str, tag: &str| json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": vm, "tag": tag } });
    let refused = life.call("POST", "/system-tags", tag(&twin, "hostname::web-9")).await.expect_err("a second one");
    assert!(refused.contains("SetVmHostname"), "{refused}");
    life.unname().await;
    let refused = life.call("POST", "/system-tags", tag(&life.vm, "hostname::web-2")).await.expect_err("taken");
    assert!(refused.contains(&twin), "{refused}");
    life.call("POST", "/system-tags", tag(&life.vm, "hostname::web-3")).await.expect("free");
    for bad in ["", "-web", "web_1", "$(reboot)", "web\n1"] {
        life.name(bad).await.expect_err(bad);
    }
    life.act("setVmHostname", json!({ "hostname": "web-1", "dryRun": true })).await.expect("a plan");
    assert_eq!(life.hostname().await, "web-3", "a plan names nobody");

    // Elsewhere it is another's.
    let other = life.l3("10.0.102").await;
    let mut far = life.cloud.vm("far");
    (far["params"]["l3NetworkUuids"], far["systemTags"]) = (json!([other]), json!(["hostname::web-2"]));
    life.call("POST", "/vm-instances", far).await.expect("another network");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn naming_that_fails_anywhere_leaves_the_name_as_it_was() {
    let life = Life::new().await;
    life.name("before").await.expect("named");
    let before = life.tags().await;
    let passed = life
        .fail_everywhere(
            async || life.name("after").await,
            async || life.name("before").await.map(drop).expect("named back"),
        )
        .await;
    assert!(passed > 6, "naming passes many places, not {passed}");
    assert_eq!(life.tags().await, before);
}
