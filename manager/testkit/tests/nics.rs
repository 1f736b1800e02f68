//! NICs that come to a VM and go from it, also while everything fails.
//!
//! flow failed everywhere: change-nic

use cumulo_contracts::resource::VmNic;
use cumulo_kernel::faults::Verdict;
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testkit::{Cloud, Everywhere, World, assert_same};
use serde_json::{Value, json};

fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

struct Life {
    world: World,
    cloud: Cloud,
    vm: String,
    second: String,
}

impl Life {
    /// A running VM with a NIC on the first L3 network, and a second network beside it.
    async fn new() -> Self {
        let world = World::new().await;
        let cloud = world.cloud().await;
        let second = l3(&world, &cloud.l2, "10.0.102").await;
        let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm")).await);
        Self { world, cloud, vm, second }
    }

    async fn attach(&self, l3: &str, params: Value) -> Result<Value, String> {
        let path = format!("/vm-instances/{}/l3-networks/{l3}", self.vm);
        let answer = self.world.call("POST", &path, &json!({ "params": params })).await;
        answer.map(|mut answer| answer["inventory"].take()).map_err(|refused| refused.error().details)
    }

    async fn detach(&self, nic: &str) -> Result<Value, String> {
        let answer = self.world.call("DELETE", &format!("/vm-instances/nics/{nic}"), &Value::Null).await;
        answer.map(|mut answer| answer["inventory"].take()).map_err(|refused| refused.error().details)
    }

    async fn act(&self, action: &str) {
        self.world.make("PUT", &format!("/vm-instances/{}/actions", self.vm), json!({ action: {} })).await;
    }

    /// In the order of their places.
    async fn nics(&self) -> Vec<Value> {
        let vm = self.world.query(&format!("/vm-instances/{}", self.vm)).await.remove(0);
        let mut nics = vm["vmNics"].as_array().expect("a list").clone();
        nics.sort_by_key(|nic| nic["deviceId"].as_i64());
        nics
    }

    /// An address of the second network that its DHCP server does not have.
    async fn free_ip(&self) -> &'static str {
        let server = self.world.call("GET", &format!("/l3-networks/{}/dhcp-ip", self.second), &Value::Null).await;
        let server = server.expect("it has one");
        ["10.0.102.10", "10.0.102.11"].into_iter().find(|ip| server["ip"] != *ip).expect("one of two")
    }

    /// The hardware addresses that the domain has, sorted.
    fn plugged(&self) -> Vec<String> {
        let host: Uuid = self.cloud.host.parse().expect("a uuid");
        let vms = self.world.sims.host(host).world().vms;
        let mut macs: Vec<String> =
            vms.values().flat_map(|vm| vm.spec.nics.iter().map(|nic| nic.mac.to_string())).collect();
        macs.sort();
        macs
    }

    /// By address: whether the DHCP server gives it a default route.
    fn leases(&self) -> Vec<(String, bool)> {
        let host: Uuid = self.cloud.host.parse().expect("a uuid");
        let leases = self.world.sims.host(host).world().leases;
        leases.values().map(|lease| (lease.ip.to_string(), lease.default_route)).collect()
    }
}

async fn l3(world: &World, l2: &str, subnet: &str) -> String {
    let l3 = json!({ "params": { "name": "second", "l2NetworkUuid": l2 } });
    let l3 = uuid(&world.make("POST", "/l3-networks", l3).await);
    let range = json!({ "params": { "name": "range", "startIp": format!("{subnet}.10"), "endIp": format!("{subnet}.12"),
                                    "netmask": "255.255.255.0", "gateway": format!("{subnet}.1") } });
    world.make("POST", &format!("/l3-networks/{l3}/ip-ranges"), range).await;
    let provider = uuid(&world.query("/network-services/providers?q=type=Flat").await[0]);
    let services = json!({ "params": { "networkServices": { provider: ["DHCP", "Userdata"] } } });
    world.make("POST", &format!("/l3-networks/{l3}/network-services"), services).await;
    l3
}

fn macs(nics: &[Value]) -> Vec<String> {
    let mut macs: Vec<String> = nics.iter().map(|nic| nic["mac"].as_str().expect("a text").to_owned()).collect();
    macs.sort();
    macs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_comes_to_a_running_vm_and_goes() {
    let life = Life::new().await;
    let first = life.nics().await.remove(0);
    let ip = life.free_ip().await;
    let wish = json!({ "staticIp": ip, "customMac": "FA:00:00:00:00:09", "driverType": "e1000" });
    let vm = life.attach(&life.second, wish).await.expect("attached");
    assert_eq!(vm["defaultL3NetworkUuid"], life.cloud.l3.as_str(), "the first NIC stays the default");
    let nics = life.nics().await;
    let (mac, model) = (&nics[1]["mac"], &nics[1]["driverType"]);
    assert_eq!((&nics[1]["deviceId"], &nics[1]["ip"]), (&json!(1), &json!(ip)));
    assert_eq!((mac, model), (&json!("fa:00:00:00:00:09"), &json!("e1000")));
    assert_eq!(life.plugged(), macs(&nics));
    assert!(life.leases().contains(&(ip.to_owned(), false)), "{:?}", life.leases());

    // The VM lives on with what is left, which has its default route from now on.
    let vm = life.detach(&uuid(&first)).await.expect("detached");
    assert_eq!(vm["defaultL3NetworkUuid"], life.second.as_str());
    assert_eq!(life.plugged(), ["fa:00:00:00:00:09"]);
    assert_eq!(life.leases(), [(ip.to_owned(), true)]);
    life.act("rebootVmInstance").await;
    assert_eq!(life.plugged(), ["fa:00:00:00:00:09"]);
    // Its place is taken by the next one.
    life.attach(&life.cloud.l3, json!({})).await.expect("attached");
    assert_eq!(life.nics().await[0]["deviceId"], 0);
    for nic in life.nics().await {
        life.detach(&uuid(&nic)).await.expect("detached");
    }
    assert!(life.plugged().is_empty() && life.leases().is_empty());
    let vm = life.attach(&life.second, json!({})).await.expect("attached");
    assert_eq!(vm["defaultL3NetworkUuid"], life.second.as_str(), "the first NIC is the default");
    assert!(life.leases()[0].1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_vm_gets_its_nics_with_its_next_start() {
    let life = Life::new().await;
    life.act("stopVmInstance").await;
    let before = life.plugged();
    let ip = life.free_ip().await;
    let tag = format!("staticIp::{}::{ip}", life.second);
    let path = format!("/vm-instances/{}/l3-networks/{}", life.vm, life.second);
    let tagged = json!({ "params": {}, "systemTags": [tag] });
    life.world.make("POST", &path, tagged).await;
    assert_eq!(life.nics().await[1]["ip"], ip);
    assert_eq!(life.plugged(), before, "only rows change");
    assert!(life.leases().is_empty());
    life.act("startVmInstance").await;
    assert_eq!(life.plugged(), macs(&life.nics().await));
    assert_eq!((life.plugged().len(), life.leases().len()), (2, 2));
    life.act("stopVmInstance").await;
    life.detach(&uuid(&life.nics().await[1])).await.expect("detached");
    life.act("startVmInstance").await;
    assert_eq!((life.plugged().len(), life.leases().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_says_why_and_changes_nothing() {
    let life = Life::new().await;
    let elsewhere = json!({ "params": { "name": "l2", "physicalInterface": "eth2", "zoneUuid": life.cloud.zone } });
    let elsewhere = uuid(&life.world.make("POST", "/l2-networks/no-vlan", elsewhere).await);
    let elsewhere = l3(&life.world, &elsewhere, "10.0.103").await;
    let (rows, machines) = (life.world.rows().await, life.world.sims.worlds());
    let mac = life.nics().await[0]["mac"].clone();
    for (l3, params, why) in [
        (&life.cloud.l3, json!({}), "already"),
        (&elsewhere, json!({}), "is not in cluster"),
        (&life.second, json!({ "staticIp": "10.0.102.99" }), "lies in no IP range"),
        (&life.second, json!({ "staticIp": "nowhere" }), "nowhere"),
        (&life.second, json!({ "customMac": "01:00:5e:00:00:01" }), "customMac"),
        (&life.second, json!({ "customMac": mac }), "another NIC has the hardware address"),
        (&life.second, json!({ "driverType": "ne2000" }), "driverType"),
        (&life.second, json!({ "vmNicParams": "[]" }), "vmNicParams"),
    ] {
        let refused = life.attach(l3, params).await.expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
    life.act("pauseVmInstance").await;
    let refused = life.attach(&life.second, json!({})).await.expect_err("paused");
    assert!(refused.contains("is Paused; this needs it to be Running"), "{refused}");
    let refused = life.detach(&uuid(&life.nics().await[0])).await.expect_err("paused");
    assert!(refused.contains("is Paused"), "{refused}");
    life.act("resumeVmInstance").await;

    let host: Uuid = life.cloud.host.parse().expect("a uuid");
    let nics: Vec<Uuid> = vec![Uuid::random(), Uuid::random()];
    for nic in &nics {
        let ask = cumulo_contracts::message::network::AllocateIp {
            nic: *nic,
            l3: life.second.parse().expect("a uuid"),
            wanted: None,
            strategy: None,
        };
        life.world.kernel().bus().call(ask).await.expect("two addresses beside the server's");
    }
    let refused = life.attach(&life.second, json!({})).await.expect_err("full");
    assert!(refused.contains("has no free address"), "{refused}");
    for nic in nics {
        life.world.kernel().bus().call(cumulo_contracts::message::network::ReleaseIp { nic }).await.expect("released");
    }
    assert_eq!(life.world.kernel().db().select::<VmNic>().count().await.expect("counted"), 1);
    assert_same(&life.world.rows().await, &rows, "refusals");
    assert_eq!(life.world.sims.worlds()[&host], machines[&host]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_fails_anywhere_leaves_the_nics_as_they_were() {
    let life = Life::new().await;
    let probe = Everywhere::new();
    assert!(life.world.kernel().faults().install(probe.clone()).is_ok());
    probe.disarm();
    let on_purpose = || Verdict::Fail(ErrorCode::operation("on purpose"));
    // The NIC of the default route goes and comes back: the other one takes its part in between.
    life.attach(&life.second, json!({})).await.expect("attached");
    for attaching in [false, true] {
        let mut at = 0;
        loop {
            if attaching && life.nics().await.len() == 2 {
                life.detach(&uuid(&life.nics().await[0])).await.expect("detached");
            } else if !attaching && life.nics().await.len() == 1 {
                life.attach(&life.cloud.l3, json!({})).await.expect("attached");
                let default = json!({ "updateVmInstance": { "defaultL3NetworkUuid": life.cloud.l3 } });
                life.world.make("PUT", &format!("/vm-instances/{}/actions", life.vm), default).await;
            }
            let (rows, nics) = (life.world.rows().await, life.nics().await);
            probe.arm(at, on_purpose());
            let outcome = match attaching {
                true => life.attach(&life.cloud.l3, json!({})).await,
                false => life.detach(&uuid(&nics[0])).await,
            };
            let places = probe.passed().0;
            probe.disarm();
            let place = format!("{:?}, attaching: {attaching}", places.get(at));
            match outcome {
                Err(_) => assert_same(&life.world.rows().await, &rows, &place),
                Ok(_) => assert_eq!(life.nics().await.len(), if attaching { 2 } else { 1 }, "{place}"),
            }
            assert_eq!(life.world.rows().await["owed"], 0, "{place}");
            assert_eq!(life.plugged(), macs(&life.nics().await), "{place}");
            let mut served: Vec<String> = life.leases().into_iter().map(|(ip, _)| ip).collect();
            served.sort();
            let ips = life.nics().await;
            let mut ips: Vec<&str> = ips.iter().map(|nic| nic["ip"].as_str().expect("an address")).collect();
            ips.sort_unstable();
            assert_eq!(served, ips, "{place}");
            if at >= places.len() {
                break;
            }
            at += 1;
        }
        assert!(at > 10, "a change passes many places, not {at}");
    }
}
