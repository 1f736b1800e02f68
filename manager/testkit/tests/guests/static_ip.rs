//! Addresses for good.
//!
//! flow failed everywhere: change-address

use cumulo_testkit::alone;
use serde_json::{Value, json};

use crate::life::{Life, uuid};

impl Life {
    async fn fix(&self, ip: &str) -> Result<Value, String> {
        self.act("setVmStaticIp", json!({ "l3NetworkUuid": self.cloud.l3, "ip": ip })).await
    }

    async fn unfix(&self, query: &str) {
        let path = format!("/vm-instances/{}/static-ips?l3NetworkUuid={}{query}", self.vm, self.cloud.l3);
        self.call("DELETE", &path, Value::Null).await.expect("none is fine");
    }

    async fn ip(&self) -> String {
        self.nics().await[0]["ip"].as_str().expect("an address").to_owned()
    }

    fn claim(&self, ip: &str) -> String {
        format!("staticIp::{}::{ip}", self.cloud.l3)
    }

    /// An address of the cloud's network that nobody has.
    async fn free(&self) -> String {
        let answer = self.call("GET", &format!("/l3-networks/{}/ip/free?limit=1", self.cloud.l3), Value::Null).await;
        answer.expect("answered")["inventories"][0]["ip"].as_str().expect("an address").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_vm_gets_the_address_and_starts_with_it() {
    let life = Life::new().await;
    let had = life.ip().await;
    let wanted = life.free().await;
    let refused = life.fix(&wanted).await.expect_err("it runs");
    assert!(refused.contains("stop the VM"), "{refused}");
    life.fix(&had).await.expect("the one that it has is claimed while it runs");
    assert_eq!(life.tags().await, [life.claim(&had)]);
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    life.fix(&wanted).await.expect("moved");
    assert_eq!((life.ip().await, life.tags().await), (wanted.clone(), vec![life.claim(&wanted)]));
    let nic = life.nics().await.remove(0);
    assert_eq!((&nic["usedIps"][0]["ip"], nic["usedIps"].as_array().map(Vec::len)), (&json!(wanted), Some(1)));
    life.act("startVmInstance", json!({})).await.expect("started");
    let leases: Vec<String> = life.host().world().leases.values().map(|lease| lease.ip.to_string()).collect();
    assert_eq!(leases, std::slice::from_ref(&wanted));
    // The one it had is free for others.
    let mut other = life.cloud.vm("other");
    other["systemTags"] = json!([life.claim(&had)]);
    life.call("POST", "/vm-instances", other).await.expect("made");

    life.unfix("&staticIp=10.0.101.1").await;
    assert_eq!(life.tags().await.len(), 1, "that is not the one it claims");
    for _ in 0..2 {
        life.unfix("").await;
        assert_eq!((life.tags().await, life.ip().await), (vec![], wanted.clone()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_cannot_be_is_refused_and_says_why() {
    let life = Life::new().await;
    let mine = life.ip().await;
    let rows = life.world.rows().await;
    let with = |tags: Value| {
        let mut body = life.cloud.vm("other");
        body["systemTags"] = tags;
        body
    };
    let (free, second) = (life.free().await, life.l3("10.0.102").await);
    for (tags, why) in [
        (json!([life.claim(&mine)]), "is taken by the NIC"),
        (json!([life.claim("10.0.101.99")]), "lies in no IP range"),
        (json!([life.claim("10.0.101.1")]), "choose another"),
        (json!([life.claim("nowhere")]), "is no address"),
        (json!([life.claim(&free), life.claim("10.0.101.149")]), "a NIC has one address"),
        (json!(["hostname::a", "hostname::b"]), "one host name"),
    ] {
        let refused = life.call("POST", "/vm-instances", with(tags)).await.expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let on = |l3: &str, more: Value| {
        let mut params = json!({ "l3NetworkUuid": l3 });
        params.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        params
    };
    let here = life.cloud.l3.as_str();
    let server = life.call("GET", &format!("/l3-networks/{here}/dhcp-ip"), Value::Null).await.expect("it has one");
    for (params, why) in [
        (on(here, json!({ "ip": server["ip"] })), "is taken by the DHCP service"),
        (on(here, json!({ "ip": "10.0.101.99" })), "lies in no IP range"),
        (on(here, json!({ "ip": "web-1" })), "must be an address"),
        (on(here, json!({})), "field[ip] is mandatory"),
        (on(here, json!({ "ip": free, "ip6": "2001:db8::1" })), "field[ip6]"),
        (on(here, json!({ "ip": free, "netmask": "255.0.0.0" })), "255.255.255.0 by its IP range"),
        (on(here, json!({ "ip": free, "gateway": "10.0.101.9" })), "10.0.101.1 by its IP range"),
        (on(&second, json!({ "ip": "10.0.102.10" })), "has no NIC on L3 network"),
    ] {
        let refused = life.act("setVmStaticIp", params).await.expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
    let plan = life.act("setVmStaticIp", on(here, json!({ "ip": "10.0.101.99", "dryRun": true }))).await;
    let plan = plan.expect("a plan");
    assert!(plan["plan"]["vetoes"][0]["details"].as_str().expect("a text").contains("no IP range"), "{plan}");
    let fits = on(here, json!({ "ip": free, "netmask": "255.255.255.0", "gateway": "10.0.101.1", "dryRun": true }));
    let plan = life.act("setVmStaticIp", fits).await.expect("a plan");
    assert_eq!(plan["plan"]["vetoes"], json!([]));
    life.act("startVmInstance", json!({})).await.expect("started");
    let after = life.world.rows().await;
    for table in ["VmNic", "SystemTag", "VmInstance"] {
        assert_eq!(alone(&after[table]), alone(&rows[table]), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_comes_before_the_nic_or_with_it_and_goes_with_it() {
    let life = Life::new().await;
    let second = life.l3("10.0.102").await;
    let server = life.call("GET", &format!("/l3-networks/{second}/dhcp-ip"), Value::Null).await.expect("it has one");
    let mut free = ["10.0.102.10", "10.0.102.11", "10.0.102.12"].into_iter().filter(|ip| server["ip"] != *ip);
    let (one, other) = (free.next().expect("two of three"), free.next().expect("two of three"));
    let claim = format!("staticIp::{second}::{one}");
    let tag = |tag: &str| json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": life.vm, "tag": tag } });
    let refused = life.call("POST", "/system-tags", tag(&format!("staticIp::{second}::10.0.102.1"))).await;
    assert!(refused.expect_err("the gateway").contains("choose another"));
    let tagged = life.call("POST", "/system-tags", tag(&claim)).await.expect("claimed")["inventory"].clone();
    let refused = life.call("POST", "/system-tags", tag(&format!("staticIp::{second}::{other}"))).await;
    assert!(refused.expect_err("a second claim").contains("SetVmStaticIp"));

    let attach = format!("/vm-instances/{}/l3-networks/{second}", life.vm);
    let refused = life.call("POST", &attach, json!({ "params": { "staticIp": other } })).await.expect_err("another");
    assert!(refused.contains(one) && refused.contains("DeleteVmStaticIp"), "{refused}");
    life.call("POST", &attach, json!({ "params": {} })).await.expect("attached");
    assert_eq!(life.nics().await[1]["ip"], one);
    let update = format!("/system-tags/{}/actions", uuid(&tagged));
    let moved = json!({ "updateSystemTag": { "tag": format!("staticIp::{second}::{other}") } });
    let refused = life.call("PUT", &update, moved).await.expect_err("a tag alone moves no address");
    assert!(refused.contains("SetVmStaticIp"), "{refused}");
    let detach = format!("/vm-instances/nics/{}", uuid(&life.nics().await[1]));
    life.call("DELETE", &detach, Value::Null).await.expect("detached");
    assert!(life.tags().await.is_empty());

    life.call("POST", &attach, json!({ "params": { "staticIp": other } })).await.expect("attached");
    assert_eq!(life.tags().await, [format!("staticIp::{second}::{other}")]);
    life.call("DELETE", &format!("/l3-networks/{second}"), Value::Null).await.expect("deleted");
    assert!(life.tags().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_counts_when_a_lost_address_is_taken_anew() {
    let life = Life::new().await;
    let wanted = life.free().await;
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    life.fix(&wanted).await.expect("moved");
    let range = uuid(&life.world.query(&format!("/l3-networks/ip-ranges?q=l3NetworkUuid={}", life.cloud.l3)).await[0]);
    life.call("DELETE", &format!("/l3-networks/ip-ranges/{range}"), Value::Null).await.expect("deleted");
    let add = async |start: &str, end: &str| {
        let range = json!({ "params": { "name": "again", "startIp": start, "endIp": end, "netmask": "255.255.255.0",
                                        "gateway": "10.0.101.1" } });
        life.world.make("POST", &format!("/l3-networks/{}/ip-ranges", life.cloud.l3), range).await;
    };
    add("10.0.101.200", "10.0.101.220").await;
    let refused = life.act("startVmInstance", json!({})).await.expect_err("its address is nowhere");
    assert!(refused.contains(&wanted) && refused.contains("no IP range"), "{refused}");
    add("10.0.101.100", "10.0.101.150").await;
    life.act("startVmInstance", json!({})).await.expect("started");
    assert_eq!(life.ip().await, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_fails_anywhere_leaves_the_address_as_it_was() {
    let life = Life::new().await;
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let (had, wanted) = (life.ip().await, life.free().await);
    life.fix(&had).await.expect("claimed");
    let passed = life
        .fail_everywhere(async || life.fix(&wanted).await, async || life.fix(&had).await.map(drop).expect("back"))
        .await;
    assert!(passed > 6, "a move passes many places, not {passed}");
    assert_eq!((life.ip().await, life.tags().await), (had.clone(), vec![life.claim(&had)]));
}
