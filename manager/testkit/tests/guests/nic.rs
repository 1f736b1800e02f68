//! NICs that exist: to another network, another model, gone.
//!
//! The chain `relocate-nic` of the flow `change-nic` is failed everywhere here.

use serde_json::{Value, json};

use crate::life::{Life, l3, uuid};

impl Life {
    async fn relocate(&self, nic: &str, l3: &str, params: Value) -> Result<Value, String> {
        let path = format!("/vm-instances/nics/{nic}/l3-networks/{l3}");
        self.call("POST", &path, json!({ "params": params })).await.map(|mut answer| answer["inventory"].take())
    }

    /// By address: whether the DHCP server gives it a default route.
    fn leases(&self) -> Vec<(String, bool)> {
        self.host().world().leases.values().map(|lease| (lease.ip.to_string(), lease.default_route)).collect()
    }

    /// An address of that network which its DHCP server does not have.
    async fn free_on(&self, l3: &str, subnet: &str) -> String {
        let server = self.call("GET", &format!("/l3-networks/{l3}/dhcp-ip"), Value::Null).await.expect("it has one");
        let mut ips = (10..13).map(|last| format!("{subnet}.{last}"));
        ips.find(|ip| server["ip"] != ip.as_str()).expect("one of three")
    }

    async fn used(&self) -> Vec<String> {
        let rows = self.world.query("/l3-networks/ip-address?q=vmNicUuid!=null").await;
        rows.iter().map(|row| row["ip"].as_str().expect("an address").to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_goes_to_another_network_while_its_vm_runs_and_back_while_not() {
    let life = Life::new().await;
    let (second, before) = (life.l3("10.0.102").await, life.nics().await.remove(0));
    let (nic, ip) = (uuid(&before), life.free_on(&second, "10.0.102").await);
    let moved = life.relocate(&nic, &second, json!({ "staticIp": ip })).await.expect("moved");
    for kept in ["uuid", "mac", "deviceId", "driverType", "internalName"] {
        assert_eq!(moved[kept], before[kept], "{kept}");
    }
    assert_eq!((&moved["l3NetworkUuid"], &moved["ip"]), (&json!(second), &json!(ip)));
    assert_eq!((&moved["gateway"], life.used().await), (&json!("10.0.102.1"), vec![ip.clone()]));
    assert_eq!(life.row().await["defaultL3NetworkUuid"], second.as_str(), "the default route goes with it");
    assert_eq!(life.leases(), [(ip.clone(), true)]);
    assert_eq!(life.host().world().vms.values().next().expect("it runs").spec.nics.len(), 1);
    assert_eq!(life.tags().await, [format!("staticIp::{second}::{ip}")]);

    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let had = before["ip"].as_str().expect("an address");
    let moved = life.relocate(&nic, &life.cloud.l3, json!({})).await.expect("moved");
    let now = moved["ip"].as_str().expect("an address").to_owned();
    assert!(now.starts_with("10.0.101."), "{now}, which was {had}");
    assert_eq!((life.used().await, life.tags().await), (vec![now.clone()], vec![]));
    assert!(life.leases().is_empty(), "only rows change");
    life.act("startVmInstance", json!({})).await.expect("started");
    assert_eq!(life.leases(), [(now, true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_says_why_and_changes_nothing() {
    let life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let elsewhere = json!({ "params": { "name": "l2", "physicalInterface": "eth2", "zoneUuid": life.cloud.zone } });
    let elsewhere = uuid(&life.world.make("POST", "/l2-networks/no-vlan", elsewhere).await);
    let elsewhere = l3(&life.world, &elsewhere, "10.0.103").await;
    let nic = uuid(&life.nics().await[0]);
    let (rows, world) = (life.world.rows().await, life.host().world());
    for (l3, params, why) in [
        (&life.cloud.l3, json!({}), "already"),
        (&elsewhere, json!({}), "is not in cluster"),
        (&second, json!({ "staticIp": "10.0.102.99" }), "lies in no IP range"),
        (&second, json!({ "staticIp": "10.0.102.99", "dryRun": true }), ""),
    ] {
        match life.relocate(&nic, l3, params).await {
            Err(refused) => assert!(refused.contains(why) && !why.is_empty(), "{refused}"),
            Ok(_) => assert!(why.is_empty(), "{why}"),
        }
    }
    let second_network = format!("/nics/{nic}/l3-networks/{second}");
    let refused = life.call("POST", &second_network, json!({ "params": {} })).await.expect_err("a NIC is on one");
    assert!(refused.contains("ChangeVmNicNetwork"), "{refused}");
    for (model, why) in [("ne2000", "driverType"), ("", "driverType")] {
        let params = json!({ "vmNicUuid": nic, "driverType": model });
        assert!(life.act("updateVmNicDriver", params).await.expect_err(why).contains(why));
    }
    let other = uuid(&life.world.make("POST", "/vm-instances", life.cloud.vm("other")).await);
    let params = json!({ "vmNicUuid": nic, "driverType": "e1000" });
    let refused = life.act_on(&other, "updateVmNicDriver", params).await.expect_err("of another");
    assert!(refused.contains("is not of VM"), "{refused}");
    life.call("DELETE", &format!("/vm-instances/{other}"), Value::Null).await.expect("destroyed");
    life.act_on(&other, "expungeVmInstance", json!({})).await.expect("expunged");
    cumulo_testkit::assert_same(&life.world.rows().await, &rows, "refusals");
    assert_eq!(life.host().world().vms, world.vms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_counts_from_the_next_boot_on_and_a_deleted_nic_is_gone() {
    let life = Life::new().await;
    let nic = uuid(&life.nics().await[0]);
    let model = || life.host().world().vms.values().next().expect("it runs").spec.nics[0].model.name();
    let params = json!({ "vmNicUuid": nic, "driverType": "e1000" });
    let changed = life.act("updateVmNicDriver", params).await.expect("changed");
    assert_eq!((changed["inventory"]["driverType"].as_str(), model()), (Some("e1000"), "virtio"));
    life.act("rebootVmInstance", json!({})).await.expect("rebooted");
    assert_eq!(model(), "e1000");
    for _ in 0..2 {
        life.call("DELETE", &format!("/nics/{nic}"), Value::Null).await.expect("deleted, or gone");
    }
    assert!(life.nics().await.is_empty() && life.leases().is_empty() && life.used().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relocation_that_fails_anywhere_leaves_the_nic_where_it_was() {
    let life = Life::new().await;
    let (nic, second) = (uuid(&life.nics().await[0]), life.l3("10.0.102").await);
    let (had, wanted) = (life.nics().await[0]["ip"].clone(), life.free_on(&second, "10.0.102").await);
    life.act("setVmStaticIp", json!({ "l3NetworkUuid": life.cloud.l3, "ip": had })).await.expect("claimed");
    let passed = life
        .fail_everywhere(
            async || life.relocate(&nic, &second, json!({ "staticIp": wanted })).await,
            async || life.relocate(&nic, &life.cloud.l3, json!({ "staticIp": had })).await.map(drop).expect("back"),
        )
        .await;
    assert!(passed > 20, "a relocation passes many places, not {passed}");
}
