//! A cloud of simulated hosts, and what is counted in it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_sim_hosts::Network;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::Node;

const SPACE: i64 = 1 << 40;
/// The account of the clients.
const TENANT: &str = "tenant";
/// The password of every account here.
pub const PASSWORD: &str = "password";

/// A client of a node that expects to be answered.
#[async_trait]
pub trait Calls: Sync {
    /// Calls an API and waits for its job, where it makes one.
    async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, ErrorCode>;

    /// As [`Calls::call`], for what must succeed; answers the inventory.
    async fn make(&self, method: &str, path: &str, body: Value) -> Value {
        match self.call(method, path, &body).await {
            Ok(mut answer) => answer["inventory"].take(),
            Err(error) => panic!("{method} {path} {body}: {error}"),
        }
    }

    /// The inventories at `path`.
    async fn query(&self, path: &str) -> Vec<Value> {
        let mut answer = self.call("GET", path, &Value::Null).await.expect("answered");
        answer["inventories"].as_array_mut().map(std::mem::take).expect("inventories")
    }

    /// A session of `account`, whose password is that of all here.
    async fn session_of(&self, account: &str) -> String {
        let login = json!({ "logInByAccount": { "accountName": account, "password": password() } });
        let session = self.make("PUT", "/accounts/login", login).await;
        session["uuid"].as_str().expect("a session").to_owned()
    }

    /// A session of a new account with quotas, which is that of the clients.
    async fn session_of_tenant(&self) -> String {
        let account = json!({ "params": { "name": TENANT, "password": password() } });
        self.make("POST", "/accounts", account).await;
        self.session_of(TENANT).await
    }
}

/// The password of every account here, as clients send it.
fn password() -> String {
    hex::encode(Sha512::digest(PASSWORD))
}

#[async_trait]
impl Calls for Node {
    async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, ErrorCode> {
        Node::call(self, method, path, body).await
    }
}

/// What a cloud is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Hosts and storages of the simulator plugin, which are rows of the node's database.
    Rows,
    /// Machines of a hosts' process at addresses of this network, from 11 on, with real agents.
    Machines(Network),
}

/// What a VM is created from, and where space is counted.
#[derive(Debug)]
pub struct Cloud {
    ground: Ground,
    cluster: String,
    l2: String,
    l3: String,
    image: String,
    storage: String,
}

impl Ground {
    fn hypervisor(self) -> &'static str {
        match self {
            Self::Rows => "Simulator",
            Self::Machines(_) => "KVM",
        }
    }

    /// The call that adds host `n`, from 1 on.
    fn host(self, n: u8, cluster: &str) -> (&'static str, Value) {
        let name = if n == 1 { "host".to_owned() } else { format!("host-{n}") };
        match self {
            Self::Rows => {
                let host = json!({ "name": name, "managementIp": format!("127.0.0.{n}"), "clusterUuid": cluster,
                                   "cpuCapacity": 4, "memoryCapacity": 8_i64 << 30 });
                ("/hosts/simulators", host)
            }
            Self::Machines(network) => {
                let host = json!({ "name": name, "managementIp": network.address(10 + n), "clusterUuid": cluster,
                                   "username": "root", "password": "password" });
                ("/hosts/kvm", host)
            }
        }
    }

    fn primary_storage(self, zone: &str) -> (&'static str, Value) {
        match self {
            Self::Rows => {
                let storage = json!({ "name": "ps", "url": "nowhere", "zoneUuid": zone, "totalCapacity": SPACE,
                                      "availableCapacity": SPACE, "totalPhysicalCapacity": SPACE,
                                      "availablePhysicalCapacity": SPACE });
                ("/primary-storage/simulators", storage)
            }
            Self::Machines(_) => {
                ("/primary-storage/local-storage", json!({ "name": "ps", "url": "/cumulo_ps", "zoneUuid": zone }))
            }
        }
    }

    fn backup_storage(self) -> (&'static str, Value) {
        match self {
            Self::Rows => ("/backup-storage/simulators", json!({ "name": "bs", "url": "nowhere" })),
            Self::Machines(network) => {
                let storage = json!({ "name": "bs", "url": "/cumulo_bs", "hostname": network.address(254),
                                      "username": "root", "password": "password" });
                ("/backup-storage/sftp", storage)
            }
        }
    }
}

impl Cloud {
    /// Builds it of rows, and lets one VM live, so that what stays for the next one (the address of the DHCP server) is there.
    pub async fn build(node: &impl Calls) -> Self {
        Self::build_on(node, Ground::Rows).await
    }

    /// As [`Cloud::build`], on any ground.
    pub async fn build_on(node: &impl Calls, ground: Ground) -> Self {
        let make = async |(path, params): (&str, Value)| -> String {
            let made = node.make("POST", path, json!({ "params": params })).await;
            made["uuid"].as_str().expect("a uuid").to_owned()
        };
        let zone = make(("/zones", json!({ "name": "zone" }))).await;
        let cluster = json!({ "name": "cluster", "hypervisorType": ground.hypervisor(), "zoneUuid": zone });
        let cluster = make(("/clusters", cluster)).await;
        make(ground.host(1, &cluster)).await;
        let storage = make(ground.primary_storage(&zone)).await;
        make((&format!("/clusters/{cluster}/primary-storage/{storage}"), json!({}))).await;
        let images = make(ground.backup_storage()).await;
        make((&format!("/zones/{zone}/backup-storage/{images}"), json!({}))).await;
        let image = json!({ "name": "image", "url": "http://nowhere.example/guest.qcow2", "format": "qcow2",
                            "backupStorageUuids": [images] });
        let image = make(("/images", image)).await;
        let l2 = json!({ "name": "l2", "physicalInterface": "eth0", "zoneUuid": zone });
        let l2 = make(("/l2-networks/no-vlan", l2)).await;
        make((&format!("/l2-networks/{l2}/clusters/{cluster}"), json!({}))).await;
        let l3 = Self::l3_network(node, &l2, "10.0.101").await;
        let cloud = Self { ground, cluster, l2, l3, image, storage };
        let vm = node.make("POST", "/vm-instances", cloud.vm("first")).await;
        cloud.expunge(node, &vm).await;
        cloud
    }

    /// An L3 network on the L2 network `l2` with fifty addresses that begin with `prefix`, served by DHCP.
    async fn l3_network(node: &impl Calls, l2: &str, prefix: &str) -> String {
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

    /// Adds hosts until there are so many, and an L3 network, lets every account use all that VMs are made of, and answers the
    /// network's uuid. Hosts are looked after every few seconds: one that is lost in a fault must be back soon after it.
    pub async fn widen(&self, node: &impl Calls, hosts: u8) -> String {
        let soon = json!({ "updateGlobalConfig": { "value": "5" } });
        node.make("PUT", "/global-configurations/host/ping.interval/actions", soon).await;
        for n in 2..=hosts {
            let (path, host) = self.ground.host(n, &self.cluster);
            let host = node.make("POST", path, json!({ "params": host })).await;
            if matches!(self.ground, Ground::Machines(_)) {
                // The image's copy, which stays on a host once it was needed there.
                let mut vm = self.vm("first");
                vm["params"]["hostUuid"] = host["uuid"].clone();
                let vm = node.make("POST", "/vm-instances", vm).await;
                self.expunge(node, &vm).await;
            }
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
    pub async fn expunge(&self, node: &impl Calls, vm: &Value) {
        let path = format!("/vm-instances/{}", vm["uuid"].as_str().expect("a uuid"));
        node.call("DELETE", &path, &Value::Null).await.expect("destroyed");
        let expunge = json!({ "expungeVmInstance": {} });
        node.call("PUT", &format!("{path}/actions"), &expunge).await.expect("expunged");
    }

    /// That the VM which the job answered is whole: recorded as running, with its address and its volume, and really there
    /// on its host, which a reboot shows.
    pub async fn assert_usable(&self, node: &impl Calls, vm: &Value, place: &str) {
        assert_eq!(vm["state"], "Running", "{place}: {vm}");
        assert!(vm["vmNics"][0]["ip"].as_str().is_some_and(|ip| ip.starts_with("10.0.101.")), "{place}: {vm}");
        assert_eq!(vm["allVolumes"][0]["status"], "Ready", "{place}: {vm}");
        let path = format!("/vm-instances/{}/actions", vm["uuid"].as_str().expect("a uuid"));
        for action in ["pauseVmInstance", "resumeVmInstance", "rebootVmInstance"] {
            node.make("PUT", &path, json!({ action: {} })).await;
        }
    }

    /// Everything that a VM has or holds, counted.
    pub async fn count(&self, node: &impl Calls) -> BTreeMap<&'static str, Value> {
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
