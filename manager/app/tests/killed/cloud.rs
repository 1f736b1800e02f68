//! A simulated cloud in the node, and what is counted in it.

use std::collections::BTreeMap;

use cumulo_schema::Uuid;
use serde_json::{Value, json};

use crate::process::Node;

const SPACE: i64 = 1 << 40;

/// What a VM is created from, and where space is counted.
pub(crate) struct Cloud {
    l3: String,
    image: String,
    storage: String,
}

impl Cloud {
    /// Builds it, and lets one VM live, so that what stays for the next one (the address of the DHCP server) is there.
    pub(crate) async fn build(node: &Node) -> Self {
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
        let l3 = make("/l3-networks", json!({ "name": "l3", "l2NetworkUuid": l2 })).await;
        let range = json!({ "name": "range", "startIp": "10.0.101.100", "endIp": "10.0.101.150",
                            "netmask": "255.255.255.0", "gateway": "10.0.101.1" });
        make(&format!("/l3-networks/{l3}/ip-ranges"), range).await;
        let flat = node.query("/network-services/providers?q=type=Flat").await;
        let services =
            json!({ "params": { "networkServices": { flat[0]["uuid"].as_str().expect("a uuid"): ["DHCP"] } } });
        node.call("POST", &format!("/l3-networks/{l3}/network-services"), &services).await.expect("attached");
        let cloud = Self { l3, image, storage };
        let vm = node.make("POST", "/vm-instances", cloud.vm("first")).await;
        cloud.expunge(node, &vm).await;
        cloud
    }

    /// What creates a VM.
    pub(crate) fn vm(&self, name: &str) -> Value {
        json!({ "params": { "name": name, "cpuNum": 1, "memorySize": 128 << 20, "imageUuid": self.image,
                            "l3NetworkUuids": [self.l3] } })
    }

    /// Takes a VM away without a trace.
    pub(crate) async fn expunge(&self, node: &Node, vm: &Value) {
        let path = format!("/vm-instances/{}", vm["uuid"].as_str().expect("a uuid"));
        node.call("DELETE", &path, &Value::Null).await.expect("destroyed");
        let expunge = json!({ "expungeVmInstance": {} });
        node.call("PUT", &format!("{path}/actions"), &expunge).await.expect("expunged");
    }

    /// That the VM which the job answered is whole: recorded as running, with its address and its volume, and really there
    /// on its host, which a reboot shows.
    pub(crate) async fn assert_usable(&self, node: &Node, vm: &Value, place: &str) {
        assert_eq!(vm["state"], "Running", "{place}: {vm}");
        assert!(vm["vmNics"][0]["ip"].as_str().is_some_and(|ip| ip.starts_with("10.0.101.")), "{place}: {vm}");
        assert_eq!(vm["allVolumes"][0]["status"], "Ready", "{place}: {vm}");
        let path = format!("/vm-instances/{}/actions", vm["uuid"].as_str().expect("a uuid"));
        for action in ["pauseVmInstance", "resumeVmInstance", "rebootVmInstance"] {
            node.make("PUT", &path, json!({ action: {} })).await;
        }
    }

    /// Everything that a VM has or holds, counted.
    pub(crate) async fn count(&self, node: &Node) -> BTreeMap<&'static str, Value> {
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
pub(crate) fn order(what: &str, place: &str, job: Uuid) -> String {
    format!("{what}:{place}:{job}")
}
