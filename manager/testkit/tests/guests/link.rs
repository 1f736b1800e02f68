//! NICs that are switched off and on, and what they are served.
//!
//! flow failed everywhere: change-link

use cumulo_kvm_agent::domains::Link;
use serde_json::{Value, json};

use crate::life::{Life, uuid};

impl Life {
    async fn switch(&self, nic: &str, state: &str) -> Result<Value, String> {
        let path = format!("/vm-instances/nics/{nic}/actions");
        self.call("PUT", &path, json!({ "changeVmNicState": { "state": state } })).await
    }

    fn link(&self) -> Link {
        self.host().world().vms.values().next().expect("it is there").spec.nics[0].link
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cable_is_out_at_once_and_after_the_next_start() {
    let life = Life::new().await;
    let nic = uuid(&life.nics().await[0]);
    assert_eq!(life.link(), Link::Up);
    for _ in 0..2 {
        let vm = life.switch(&nic, "disable").await.expect("switched off");
        assert_eq!(vm["inventory"]["vmNics"][0]["state"], "disable");
        assert_eq!(life.link(), Link::Down);
    }
    life.act("rebootVmInstance", json!({})).await.expect("rebooted");
    assert_eq!(life.link(), Link::Down);
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    life.switch(&nic, "enable").await.expect("switched on");
    assert_eq!(life.link(), Link::Down, "of a VM that does not run only the record changes");
    life.act("startVmInstance", json!({})).await.expect("started");
    assert_eq!(life.link(), Link::Up);

    life.act("pauseVmInstance", json!({})).await.expect("paused");
    let refused = life.switch(&nic, "disable").await.expect_err("paused");
    assert!(refused.contains("is Paused"), "{refused}");
    life.switch(&nic, "off").await.expect_err("no such state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_says_what_it_is_served() {
    let life = Life::new().await;
    let nic = uuid(&life.nics().await[0]);
    let path = format!("/vm-instances/nics/{nic}/attached-networkservices");
    let answer = life.call("GET", &path, Value::Null).await.expect("answered");
    assert_eq!(answer["networkServices"], json!(["DHCP", "Userdata"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_fails_anywhere_leaves_the_link_as_it_was() {
    let life = Life::new().await;
    let nic = uuid(&life.nics().await[0]);
    let passed = life
        .fail_everywhere(
            async || life.switch(&nic, "disable").await,
            async || life.switch(&nic, "enable").await.map(drop).expect("back"),
        )
        .await;
    assert!(passed > 5, "a switch passes several places, not {passed}");
}
