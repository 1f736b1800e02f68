//! What hangs on what, against ZStack's own declaration of it; and what VMs do when something they need goes.

use std::collections::BTreeSet;

use cumulo_agent_rt::sim::{Fault, On};
use cumulo_kernel::faults::Verdict;
use cumulo_schema::ErrorCode;
use cumulo_testkit::{Cloud, Everywhere, Refused, World, assert_same};
use serde_json::{Value, json};

/// Edges that only we have.
const OURS: &[(&str, &str, &str)] = &[
    ("VmInstanceVO", "ZoneVO", "a VM that was only recorded is on no storage, and still in the zone"),
    ("VmInstanceVO", "ClusterVO", "a stopped VM forgets the cluster it was in; there a foreign key does it"),
    ("VmInstanceVO", "VolumeVO", "a VM goes with its root volume; there the storage's edge alone says so"),
    ("VmNicVO", "IpRangeVO", "a NIC that belongs to no VM loses its address with its range"),
    ("VmNicVO", "AccountVO", "a NIC that belongs to no VM goes with its owner"),
    ("SshKeyPairVO", "AccountVO", "an SSH key goes with its owner"),
    ("LongJobVO", "AccountVO", "what an account had asked for is stopped when it goes"),
    ("PrimaryStorageVO", "HostVO", "a storage on the disks of hosts gets smaller; there a plugin does it on its own"),
];

/// Edges that only the reference has.
const THEIRS: &[(&str, &str, &str)] = &[];

type Edges = BTreeSet<(String, String)>;

/// The reference's edges between kinds that we have too.
fn reference(kinds: &BTreeSet<String>) -> Edges {
    let text = include_str!("../../../tests/data/zstack-api.json");
    let data: Value = serde_json::from_str(text).expect("the reference is JSON");
    let declared = data["cascadeEdges"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    declared
        .flat_map(|entry| {
            let child = text(&entry["resource"]);
            let parents = entry["edges"].as_array().expect("a list").iter().map(text).collect::<Vec<_>>();
            parents.into_iter().map(move |parent| (child.clone(), parent))
        })
        .filter(|(child, parent)| kinds.contains(child) && kinds.contains(parent))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_edges_are_those_of_the_reference() {
    let world = World::new().await;
    let kernel = world.kernel();
    let kinds: BTreeSet<String> = kernel.query().schema().resources().map(|meta| meta.vo.to_owned()).collect();
    let edges = kernel.cascade().edges();
    let ours: Edges = edges.iter().map(|(child, parent)| ((*child).to_owned(), (*parent).to_owned())).collect();
    let theirs = reference(&kinds);
    let listed = |list: &[(&str, &str, &str)]| -> Edges {
        list.iter().map(|(child, parent, _)| ((*child).to_owned(), (*parent).to_owned())).collect()
    };
    assert_eq!(ours.difference(&theirs).cloned().collect::<Edges>(), listed(OURS), "only ours");
    assert_eq!(theirs.difference(&ours).cloned().collect::<Edges>(), listed(THEIRS), "only theirs");
}

struct Up {
    world: World,
    cloud: Cloud,
    vm: String,
}

/// A cloud with a VM that runs.
async fn up() -> Up {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
    let vm = vm["uuid"].as_str().expect("a uuid").to_owned();
    Up { world, cloud, vm }
}

impl Up {
    async fn vm(&self) -> Option<Value> {
        self.world.query(&format!("/vm-instances/{}", self.vm)).await.pop()
    }

    async fn delete(&self, path: &str) -> Result<Value, Refused> {
        self.world.call("DELETE", path, &Value::Null).await
    }

    /// How many guests the simulated host has.
    fn guests(&self) -> usize {
        let host = self.cloud.host.parse().expect("a uuid");
        self.world.sims.host(host).world().vms.len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_is_stopped_when_its_host_goes() {
    let up = up().await;
    up.delete(&format!("/hosts/{}", up.cloud.host)).await.expect("deleted");
    let vm = up.vm().await.expect("it stays");
    assert_eq!((&vm["state"], vm.get("hostUuid")), (&json!("Stopped"), None));
    assert!(up.world.query("/hosts").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_is_destroyed_when_its_storage_goes() {
    let up = up().await;
    let path = format!("/clusters/{}/primary-storage/{}", up.cloud.cluster, up.cloud.primary_storage);
    up.delete(&path).await.expect("detached");
    assert_eq!(up.vm().await.expect("it stays")["state"], "Stopped", "what it runs on was taken away");
    up.delete(&format!("/primary-storage/{}", up.cloud.primary_storage)).await.expect("deleted");
    assert_eq!(up.vm().await, None);
    assert!(up.world.query("/volumes").await.is_empty());
    assert!(up.world.query("/vm-instances/nics").await.is_empty());
    assert_eq!(up.guests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_is_stopped_when_its_range_goes_and_starts_with_an_address_of_another() {
    let up = up().await;
    let ranges = up.world.query("/l3-networks/ip-ranges").await;
    let old = up.vm().await.expect("there")["vmNics"][0]["ip"].as_str().expect("an address").to_owned();
    up.delete(&format!("/l3-networks/ip-ranges/{}", ranges[0]["uuid"].as_str().expect("a uuid")))
        .await
        .expect("deleted");
    let vm = up.vm().await.expect("it stays");
    assert_eq!((&vm["state"], vm["vmNics"][0].get("ip")), (&json!("Stopped"), None));
    let range = json!({ "params": { "name": "other", "startIp": "10.0.101.200", "endIp": "10.0.101.250",
                                    "netmask": "255.255.255.0", "gateway": "10.0.101.1" } });
    up.world.make("POST", &format!("/l3-networks/{}/ip-ranges", up.cloud.l3), range).await;
    let (path, start) = (format!("/vm-instances/{}/actions", up.vm), json!({ "startVmInstance": {} }));
    let host = format!("/hosts/{}/actions", up.cloud.host);
    up.world.make("PUT", &host, json!({ "changeHostState": { "stateEvent": "disable" } })).await;
    up.world.call("PUT", &path, &start).await.expect_err("there is no host");
    assert_eq!(up.vm().await.expect("it stays")["vmNics"][0].get("ip"), None, "a refused start takes no address");
    up.world.make("PUT", &host, json!({ "changeHostState": { "stateEvent": "enable" } })).await;
    let vm = up.world.make("PUT", &path, start).await;
    let new = vm["vmNics"][0]["ip"].as_str().expect("an address");
    assert_ne!(new, old);
    assert_eq!(vm["state"], "Running");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_anywhere_takes_no_address() {
    let up = up().await;
    let range = up.world.query("/l3-networks/ip-ranges").await[0]["uuid"].clone();
    up.delete(&format!("/l3-networks/ip-ranges/{}", range.as_str().expect("a uuid"))).await.expect("deleted");
    let range = json!({ "params": { "name": "other", "startIp": "10.0.101.200", "endIp": "10.0.101.250",
                                    "netmask": "255.255.255.0", "gateway": "10.0.101.1" } });
    up.world.make("POST", &format!("/l3-networks/{}/ip-ranges", up.cloud.l3), range).await;
    let (path, start) = (format!("/vm-instances/{}/actions", up.vm), json!({ "startVmInstance": {} }));
    let (probe, rows) = (Everywhere::new(), up.world.rows().await);
    assert!(up.world.kernel().faults().install(probe.clone()).is_ok());
    let mut at = 0;
    loop {
        probe.arm(at, Verdict::Fail(ErrorCode::operation("on purpose")));
        let outcome = up.world.call("PUT", &path, &start).await;
        let places = probe.passed().0;
        probe.disarm();
        if outcome.is_ok() {
            break;
        }
        assert_same(&up.world.rows().await, &rows, &format!("{:?}", places.get(at)));
        at += 1;
    }
    assert!(at > 5, "a start passes many places, not {at}");
    assert!(up.vm().await.expect("it runs")["vmNics"][0]["ip"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_loses_its_nic_when_the_network_goes() {
    let up = up().await;
    up.delete(&format!("/l3-networks/{}", up.cloud.l3)).await.expect("deleted");
    let vm = up.vm().await.expect("it stays");
    assert_eq!(vm["vmNics"].as_array().map(Vec::len), Some(0));
    assert_eq!(vm.get("defaultL3NetworkUuid"), None);
    assert_eq!(up.world.query("/volumes").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_route_goes_over_another_nic_when_its_network_goes() {
    let up = up().await;
    let l3 = json!({ "params": { "name": "other", "l2NetworkUuid": up.cloud.l2 } });
    let l3 = up.world.make("POST", "/l3-networks", l3).await["uuid"].as_str().expect("a uuid").to_owned();
    let range = json!({ "params": { "name": "other", "startIp": "10.0.102.100", "endIp": "10.0.102.150",
                                    "netmask": "255.255.255.0", "gateway": "10.0.102.1" } });
    up.world.make("POST", &format!("/l3-networks/{l3}/ip-ranges"), range).await;
    let path = format!("/vm-instances/{}/l3-networks/{l3}", up.vm);
    up.world.make("POST", &path, json!({ "params": {} })).await;
    up.delete(&format!("/l3-networks/{}", up.cloud.l3)).await.expect("deleted");
    let vm = up.vm().await.expect("it stays");
    assert_eq!(vm["vmNics"].as_array().map(Vec::len), Some(1));
    assert_eq!(vm["defaultL3NetworkUuid"], l3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenance_and_detachment_stop_vms() {
    let up = up().await;
    let maintain = json!({ "changeHostState": { "stateEvent": "maintain" } });
    let host = up.world.make("PUT", &format!("/hosts/{}/actions", up.cloud.host), maintain).await;
    assert_eq!(host["state"], "Maintenance");
    assert_eq!(up.vm().await.expect("it stays")["state"], "Stopped");
    let enable = json!({ "changeHostState": { "stateEvent": "enable" } });
    up.world.make("PUT", &format!("/hosts/{}/actions", up.cloud.host), enable).await;
    let start = json!({ "startVmInstance": {} });
    up.world.make("PUT", &format!("/vm-instances/{}/actions", up.vm), start).await;
    up.delete(&format!("/l2-networks/{}/clusters/{}", up.cloud.l2, up.cloud.cluster)).await.expect("detached");
    assert_eq!(up.vm().await.expect("it stays")["state"], "Stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_fails_stops_the_delete_and_asking_again_goes_on() {
    let up = up().await;
    let host = up.cloud.host.parse().expect("a uuid");
    up.world.sims.host(host).faults().plan(On::Next("DestroyVm"), Fault::FailBefore);
    let zone = format!("/zones/{}", up.cloud.zone);
    let before = up.world.rows().await;
    let error = up.delete(&zone).await.expect_err("the guest does not go").error();
    assert_eq!(error.code, "SYS.1004");
    assert!(error.details.contains("VmInstanceVO"), "{error}");
    let after = up.world.rows().await;
    for above in ["Host", "KVMHost", "PrimaryStorage", "VmNic", "Volume", "UsedIp"] {
        assert_eq!(before[above], after[above], "{above} was changed");
    }
    up.delete(&zone).await.expect("now it goes");
    for (path, what) in [("/zones", "zone"), ("/hosts", "host"), ("/vm-instances", "VM"), ("/volumes", "volume")] {
        assert!(up.world.query(path).await.is_empty(), "a {what} is left");
    }
}
