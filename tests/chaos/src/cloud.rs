//! A simulated cloud in the node, and what is counted in it.

use std::collections::BTreeMap;

use cumulo_schema::Uuid;
use serde_json::{Value, json};

use crate::Node;

const SPACE: i64 = 1 << 40;

/// What a VM is created from, and where space is counted.
#[derive(Debug)]
pub struct Cloud {
    cluster: String,
    l2: String,
    l3: String,
    image: String,
    storage: String,
}

impl Cloud {
    /// Builds it, and lets one VM live, so that what stays for the next one (the address of the DHCP server) is there.
    pub async fn build(node: &Node) -> Self {
        let make = async |path: &str, params: Value| -> String {
            let made = node.make("POST", path, json!({ "params": params })).await;
            made["uuid"].as_str().expect("a uuid").to_owned()
        };
        let zone = make("/zones", json!({ "name": "zone" })).await;
        let cluster = json!({ "name": "cluster", "hypervisorType": "Simulator", "zoneUuid": zone });
        let cluster = make("/clusters", cluster).await;
        let host = json!({ "name": "host", "managementIp": "127.0.0.1", "clusterUuid": cluster, "cpuCapacity": 4,
                           "memoryCapacity": 8_i64 << 30 });
        make("/hosts/simulators", host).await;
        let storage = json!({ "name": "ps", "url": "nowhere", "zoneUuid": zone, "totalCapacity": SPACE,
                              "availableCapacity": SPACE, "totalPhysicalCapacity": SPACE,
                              "availablePhysicalCapacity": SPACE });
        let storage = make("/primary-storage/simulators", storage).await;
        make(&format!("/clusters/{cluster}/primary-storage/{storage}"), json!({})).await;
        let images = json!({ "name": "bs", "url": "nowhere" });
        let images = make("/backup-storage/simulators", images).await;
        make(&format!("/zones/{zone}/backup-storage/{images}"), json!({})).await;
        let image = json!({ "name": "image", "url": "http://nowhere.example/guest.qcow2", "format": "qcow2",
                            "backupStorageUuids": [images] });
        let image = make("/images", image).await;
        let l2 =
            make("/l2-networks/no-vlan", json!({ "name": "l2", "physicalInterface": "eth0", "zoneUuid": zone })).await;
        make(&format!("/l2-networks/{l2}/clusters/{cluster}"), json!({})).await;
        let l3 = Self::l3_network(node, &l2, "10.0.101").await;
        let cloud = Self { cluster, l2, l3, image, storage };
        let vm = node.make("POST", "/vm-instances", cloud.vm("first")).await;
        cloud.expunge(node, &vm).await;
        cloud
    }

    /// An L3 network on the L2 network `l2` with fifty addresses that begin with `prefix`, served by DHCP.
    async fn l3_network(node: &Node, l2: &str, prefix: &str) -> String {
        let l3 = json!({ "params": { "name": prefix, "l2NetworkUuid": l2 } });
        let l3 = node.make("POST", "/l3-networks", l3).await["uuid"].as_str().expect("a uuid").to_owned();
        let range = json!({ "params": { "name": "range", "startIp": format!("{prefix}.100"),
                                        "endIp": format!("{prefix}.150"), "netmask": "255.255.255.0",
                                        "gateway": format!("{prefix}.1") } });
        node.make("POST", &format!("/l3-networks/{l3}/ip-ranges"), range).await;
        let flat = node.query("/network-services/providers?q=type=Flat").await;
        let services =
            json!({ "params": { "networkServices": { flat[0]["uuid"].as_str().expect("a uuid"): ["DHCP"] } } });
        node.call("POST", &format!("/l3-networks/{l3}/network-services"), &services).await.expect("attached");
        l3
    }

    /// Adds two hosts and an L3 network, lets every account use all that VMs are made of, and answers the network's uuid.
    /// Hosts are looked after every few seconds: one that is lost in a fault must be back soon after it.
    pub async fn widen(&self, node: &Node) -> String {
        let soon = json!({ "updateGlobalConfig": { "value": "5" } });
        node.make("PUT", "/global-configurations/host/ping.interval/actions", soon).await;
        for n in 2..4 {
            let host = json!({ "params": { "name": format!("host-{n}"), "managementIp": format!("127.0.0.{n}"),
                                           "clusterUuid": self.cluster, "cpuCapacity": 4,
                                           "memoryCapacity": 8_i64 << 30 } });
            node.make("POST", "/hosts/simulators", host).await;
        }
        let second = Self::l3_network(node, &self.l2, "10.0.102").await;
        let share = json!({ "shareResource": { "resourceUuids": [self.image, self.l3, second], "toPublic": true } });
        node.call("PUT", "/accounts/resources/actions", &share).await.expect("shared");
        second
    }

    /// What creates a VM.
    #[must_use]
    pub fn vm(&self, name: &str) -> Value {
        json!({ "params": { "name": name, "cpuNum": 1, "memorySize": 128 << 20, "imageUuid": self.image,
                            "l3NetworkUuids": [self.l3] } })
    }

    /// Takes a VM away without a trace.
    pub async fn expunge(&self, node: &Node, vm: &Value) {
        let path = format!("/vm-instances/{}", vm["uuid"].as_str().expect("a uuid"));
        node.call("DELETE", &path, &Value::Null).await.expect("destroyed");
        let expunge = json!({ "expungeVmInstance": {} });
        node.call("PUT", &format!("{path}/actions"), &expunge).await.expect("expunged");
    }

    /// That the VM which the job answered is whole: recorded as running, with its address and its volume, and really there
    /// on its host, which a reboot shows.
    pub async fn assert_usable(&self, node: &Node, vm: &Value, place: &str) {
        assert_eq!(vm["state"], "Running", "{place}: {vm}");
        assert!(vm["vmNics"][0]["ip"].as_str().is_some_and(|ip| ip.starts_with("10.0.101.")), "{place}: {vm}");
        assert_eq!(vm["allVolumes"][0]["status"], "Ready", "{place}: {vm}");
        let path = format!("/vm-instances/{}/actions", vm["uuid"].as_str().expect("a uuid"));
        for action in ["pauseVmInstance", "resumeVmInstance", "rebootVmInstance"] {
            node.make("PUT", &path, json!({ action: {} })).await;
        }
    }

    /// Everything that a VM has or holds, counted.
    pub async fn count(&self, node: &Node) -> BTreeMap<&'static str, Value> {
        let mut counts = BTreeMap::new();
        for (what, path) in [
            ("VMs", "/vm-instances"),
            ("NICs", "/vm-instances/nics"),
            ("volumes", "/volumes"),
            ("addresses", "/l3-networks/ip-address"),
            ("debts", "/gc-jobs?q=status!=Done"),
        ] {
            counts.insert(what, node.query(path).await.len().into());
        }
        let host = node.query("/hosts").await.remove(0);
        counts.insert("free CPUs", host["availableCpuCapacity"].clone());
        counts.insert("free memory", host["availableMemoryCapacity"].clone());
        // Asks the pretended disk, so that a file which nobody knows any more is counted too.
        let path = format!("/primary-storage/{}/actions", self.storage);
        let storage = node.make("PUT", &path, json!({ "reconnectPrimaryStorage": {} })).await;
        counts.insert("free space", storage["availableCapacity"].clone());
        counts.insert("free disk", storage["availablePhysicalCapacity"].clone());
        counts
    }
}

/// An order to do `what` at `place` (`end:allocate-host`) of the flow of `job`.
#[must_use]
pub fn order(what: &str, place: &str, job: Uuid) -> String {
    format!("{what}:{place}:{job}")
}
