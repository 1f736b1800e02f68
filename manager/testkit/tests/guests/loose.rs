//! NICs that belong to no VM, and VMs that get them.
//!
//! flow failed everywhere: create-nic
//!
//! The chain `adopt-nic` of the flow `change-nic` is failed everywhere here, too.

use cumulo_schema::{Uuid, system::AccountResourceRef};
use cumulo_testkit::{alone, assert_same};
use serde_json::{Value, json};

use crate::life::{Life, uuid};

impl Life {
    async fn make_nic(&self, l3: &str, params: Value) -> Result<Value, String> {
        let mut params = params;
        params["l3NetworkUuid"] = json!(l3);
        self.call("POST", "/nics", json!({ "params": params })).await.map(|mut answer| answer["inventory"].take())
    }

    async fn give(&self, nic: &str) -> Result<Value, String> {
        let path = format!("/vm-instances/{}/nices/{nic}", self.vm);
        self.call("POST", &path, json!({ "params": {} })).await.map(|mut answer| answer["inventory"].take())
    }

    async fn delete_nic(&self, nic: &str) -> Result<Value, String> {
        self.call("DELETE", &format!("/nics/{nic}"), Value::Null).await
    }

    async fn nic(&self, nic: &str) -> Option<Value> {
        self.world.query(&format!("/vm-instances/nics?q=uuid={nic}")).await.pop()
    }

    async fn owner(&self, resource: &str) -> Value {
        let rows = self.world.query(&format!("/accounts/resources/refs?q=resourceUuid={resource}")).await;
        rows[0]["accountUuid"].clone()
    }

    fn plugged(&self) -> usize {
        self.host().world().vms.values().next().expect("it is there").spec.nics.len()
    }

    /// An address of a network of three that its DHCP server does not have.
    async fn free_of(&self, l3: &str, subnet: &str) -> String {
        let server = self.call("GET", &format!("/l3-networks/{l3}/dhcp-ip"), Value::Null).await.expect("it has one");
        let mut ips = (10..13).map(|last| format!("{subnet}.{last}"));
        ips.find(|ip| server["ip"] != ip.as_str()).expect("one of three")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_is_made_and_a_vm_gets_it() {
    let life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let ip = life.free_of(&second, "10.0.102").await;
    let made = life.make_nic(&second, json!({ "ip": ip })).await.expect("made");
    let nic = uuid(&made);
    assert_eq!((&made["ip"], made.get("vmInstanceUuid")), (&json!(ip), None));
    assert_eq!(made["usedIps"][0]["ip"], json!(ip));
    let refused = life.make_nic(&second, json!({ "ip": ip })).await.expect_err("it is taken");
    assert!(refused.contains("taken by the NIC"), "{refused}");
    assert_eq!(life.plugged(), 1);

    // A running guest sees it at once, with the addresses that it had.
    let vm = life.give(&nic).await.expect("given");
    assert_eq!((vm["vmNics"].as_array().map(Vec::len), life.plugged()), (Some(2), 2));
    let given = life.nics().await.remove(1);
    for kept in ["uuid", "ip", "mac"] {
        assert_eq!(given[kept], made[kept], "{kept}");
    }
    assert_eq!(given["deviceId"], 1);
    assert!(life.host().world().leases.values().any(|lease| lease.ip.to_string() == ip));
    let refused = life.give(&nic).await.expect_err("it has it");
    assert!(refused.contains("belongs to VM"), "{refused}");
    // It goes as any NIC of a VM does.
    life.delete_nic(&nic).await.expect("deleted");
    assert_eq!((life.nic(&nic).await, life.plugged()), (None, 1));

    // A stopped guest sees it with its next start; the first NIC that it has is its default route.
    life.delete_nic(&uuid(&life.nics().await[0])).await.expect("deleted");
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let nic = uuid(&life.make_nic(&second, json!({})).await.expect("made"));
    let vm = life.give(&nic).await.expect("given");
    assert_eq!((vm["defaultL3NetworkUuid"].as_str(), life.plugged()), (Some(second.as_str()), 0));
    life.act("startVmInstance", json!({})).await.expect("started");
    assert_eq!(life.plugged(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_says_why_and_changes_nothing() {
    let life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let rows = life.world.rows().await;
    for (ip, why) in [("10.0.102.99", "lies in no IP range"), ("nowhere", "nowhere")] {
        let refused = life.make_nic(&second, json!({ "ip": ip })).await.expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
    let planned = life.make_nic(&second, json!({ "dryRun": true })).await.expect("planned");
    assert_eq!(planned, Value::Null, "a plan makes nothing");
    assert_same(&life.world.rows().await, &rows, "refusals");

    let here = uuid(&life.make_nic(&life.cloud.l3, json!({})).await.expect("made"));
    let refused = life.give(&here).await.expect_err("it is there already");
    assert!(refused.contains("already"), "{refused}");
    let there = uuid(&life.make_nic(&second, json!({})).await.expect("made"));
    for (path, body) in [
        (format!("/vm-instances/nics/{there}/actions"), json!({ "changeVmNicState": { "state": "disable" } })),
        (format!("/vm-instances/nics/{there}/l3-networks/{}", life.cloud.l3), json!({ "params": {} })),
    ] {
        let method = if path.ends_with("actions") { "PUT" } else { "POST" };
        let refused = life.call(method, &path, body).await.expect_err("it is on no VM");
        assert!(refused.contains("is on no VM"), "{refused}");
    }
    // Who claims an address is found there or nowhere.
    let nic = life.nic(&there).await.expect("there");
    let other = (10..14).map(|last| format!("10.0.102.{last}"));
    let taken = life.world.query(&format!("/l3-networks/ip-address?q=l3NetworkUuid={second}")).await;
    let other = other.into_iter().find(|ip| taken.iter().all(|row| row["ip"] != ip.as_str())).expect("one is free");
    let claim = json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": life.vm, "tag": format!("staticIp::{second}::{other}") } });
    life.call("POST", "/system-tags", claim).await.expect("claimed");
    let refused = life.give(&there).await.expect_err("it claims another address");
    assert!(refused.contains("claims the address"), "{refused} of {nic}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_belongs_to_who_made_it_and_then_to_the_owner_of_its_vm() {
    let mut life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let (alice, session) = life.world.account("alice").await;
    let share = json!({ "resourceUuids": [second], "accountUuids": [alice], "toPublic": false });
    life.call("PUT", "/accounts/resources/actions", json!({ "shareResource": share })).await.expect("shared");
    let admins = uuid(&life.make_nic(&second, json!({})).await.expect("made"));
    let admin = life.world.use_session(session);
    life.make_nic(&life.cloud.l3.clone(), json!({})).await.expect_err("it is not shared with her");
    let hers = uuid(&life.make_nic(&second, json!({})).await.expect("made"));
    life.delete_nic(&admins).await.expect_err("it is another's");
    life.give(&hers).await.expect_err("the VM is another's");
    assert!(life.nic(&admins).await.is_none(), "she does not see it");
    life.world.use_session(admin);
    assert_eq!(life.owner(&hers).await, json!(alice));
    life.give(&hers).await.expect("the admin may");
    assert_eq!(life.owner(&hers).await, life.owner(&life.vm).await);

    // What is hers alone goes with her.
    life.delete_nic(&admins).await.expect("deleted");
    let session = life.world.log_in("alice", "alice").await;
    let admin = life.world.use_session(session);
    let left = uuid(&life.make_nic(&second, json!({})).await.expect("made"));
    life.world.use_session(admin);
    life.call("DELETE", &format!("/accounts/{alice}"), Value::Null).await.expect("deleted");
    assert!(life.nic(&left).await.is_none());
    assert!(
        life.world
            .query("/l3-networks/ip-address?q=vmNicUuid!=null")
            .await
            .iter()
            .all(|row| row["vmNicUuid"] != left.as_str())
    );
    assert!(life.nic(&hers).await.is_some(), "it is the VM's by now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_loses_its_address_with_its_range_and_goes_with_its_network() {
    let life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let nic = uuid(&life.make_nic(&second, json!({})).await.expect("made"));
    let range = uuid(&life.world.query(&format!("/l3-networks/ip-ranges?q=l3NetworkUuid={second}")).await[0]);
    life.call("DELETE", &format!("/l3-networks/ip-ranges/{range}"), Value::Null).await.expect("deleted");
    assert_eq!(life.nic(&nic).await.expect("it stays").get("ip"), None);
    let refused = life.give(&nic).await.expect_err("no address is to be had");
    assert!(refused.contains("IP range"), "{refused}");
    assert!(life.nic(&nic).await.expect("it stays").get("vmInstanceUuid").is_none());
    let range = json!({ "params": { "name": "new", "startIp": "10.0.105.10", "endIp": "10.0.105.20",
                                    "netmask": "255.255.255.0", "gateway": "10.0.105.1" } });
    life.world.make("POST", &format!("/l3-networks/{second}/ip-ranges"), range).await;
    life.give(&nic).await.expect("given, with another address");
    let ip = life.nic(&nic).await.expect("there")["ip"].clone();
    assert!(ip.as_str().is_some_and(|ip| ip.starts_with("10.0.105.")), "{ip}");

    let third = life.l3("10.0.103").await;
    let nic = uuid(&life.make_nic(&third, json!({})).await.expect("made"));
    life.call("DELETE", &format!("/l3-networks/{third}"), Value::Null).await.expect("deleted");
    assert!(life.nic(&nic).await.is_none());
}

/// The three addresses of a network go to three NICs, and none to a fourth, however many ask at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_and_no_hardware_address_is_given_twice() {
    let life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let asked = futures::future::join_all((0..6).map(|_| life.make_nic(&second, json!({})))).await;
    let made: Vec<Value> = asked.into_iter().filter_map(Result::ok).collect();
    assert_eq!(made.len(), 3, "the fourth address is the DHCP server's");
    for what in ["ip", "mac"] {
        let mut seen: Vec<&str> = made.iter().map(|nic| nic[what].as_str().expect("a text")).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 3, "{what}");
    }
    // One that two VMs are to get at once, one of them gets; and an address that was given back can be had again.
    life.delete_nic(&uuid(&made[0])).await.expect("deleted");
    let again = life.make_nic(&second, json!({ "ip": made[0]["ip"] })).await.expect("it is free");
    let other = uuid(&life.world.make("POST", "/vm-instances", life.cloud.vm("other")).await);
    let nic = uuid(&again);
    let path = |vm: &str| format!("/vm-instances/{vm}/nices/{nic}");
    let (mine, others) = (path(&life.vm), path(&other));
    let body = json!({ "params": {} });
    let (one, two) = tokio::join!(life.call("POST", &mine, body.clone()), life.call("POST", &others, body.clone()));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_that_fails_anywhere_leaves_nothing() {
    let life = Life::new().await;
    let (second, made) = (life.l3("10.0.102").await, std::sync::Mutex::new(String::new()));
    let passed = life
        .fail_everywhere(
            async || {
                let nic = life.make_nic(&second, json!({})).await?;
                *made.lock().expect("not poisoned") = uuid(&nic);
                Ok(nic)
            },
            async || {
                let nic = made.lock().expect("not poisoned").clone();
                life.delete_nic(&nic).await.map(drop).expect("back");
            },
        )
        .await;
    assert!(passed > 5, "a new NIC passes several places, not {passed}");
}

/// With an address and without one, of another account, to a VM that runs: afterwards it is what it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_that_fails_anywhere_leaves_the_nic_to_nobody() {
    let mut life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let (alice, session) = life.world.account("alice").await;
    let share = json!({ "resourceUuids": [second], "accountUuids": [alice], "toPublic": false });
    life.call("PUT", "/accounts/resources/actions", json!({ "shareResource": share })).await.expect("shared");
    let admin = life.world.use_session(session);
    let first = uuid(&life.make_nic(&second, json!({})).await.expect("made"));
    life.make_nic(&second, json!({})).await.expect("made");
    life.world.use_session(admin);
    // The VM has no other NIC, so the default route comes and goes with it.
    life.delete_nic(&uuid(&life.nics().await[0])).await.expect("deleted");
    let passed = life
        .fail_everywhere(
            async || {
                let outcome = life.give(&first).await;
                if outcome.is_err() {
                    assert_eq!(life.owner(&first).await, json!(alice));
                }
                outcome
            },
            // Done in spite of the failure: what there is then is what the next failure is compared with.
            async || {
                life.delete_nic(&first).await.map(drop).expect("gone");
                let params = json!({ "resourceUuid": first });
                life.make_nic(&second, params).await.map(drop).expect("made again");
                let db = life.world.kernel().db();
                let mut batch = db.batch();
                let (alice, first): (Uuid, Uuid) = (alice.parse().expect("a uuid"), first.parse().expect("a uuid"));
                batch
                    .update::<AccountResourceRef>()
                    .set(AccountResourceRef::ACCOUNT_UUID, &alice)
                    .eq(AccountResourceRef::RESOURCE_UUID, &first)
                    .expect("it is there");
                db.commit(batch).await.expect("given");
            },
        )
        .await;
    assert!(passed > 20, "an adoption passes many places, not {passed}");
    assert_eq!(alone(&life.world.rows().await["VmNic"]).len(), 2, "hers, and the one that came and went");
}
