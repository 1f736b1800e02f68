//! A cloud that is ready for VMs, on hosts with agents or on such as the simulator plugin plays.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use cumulo_sim_hosts::Network;
use serde_json::{Value, json};

use crate::stage::Stage;

/// Hosts that are added at once.
const AT_ONCE: usize = 8;

/// What the hosts and storages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machines {
    /// Agents of another process, called over mutual TLS.
    Agents,
    /// None: the node's own simulator plugin.
    Simulated,
}

/// Ids of what there is.
pub(crate) struct Cloud {
    pub(crate) zone: String,
    image: String,
    l3: String,
    offering: String,
}

impl Cloud {
    /// Builds it, with so many hosts and room for 60,000 addresses.
    pub(crate) async fn build(stage: &Stage, machines: Machines, hosts: usize) -> anyhow::Result<Self> {
        let make =
            async |path: &str, params: Value| -> anyhow::Result<String> { id(&stage.make(path, &params).await?) };
        let zone = make("/zones", json!({ "name": "zone" })).await?;
        let hypervisor = if machines == Machines::Agents { "KVM" } else { "Simulator" };
        let cluster = json!({ "name": "cluster", "hypervisorType": hypervisor, "zoneUuid": zone });
        let cluster = make("/clusters", cluster).await?;
        add_hosts(stage, machines, &cluster, hosts).await?;
        let (path, storage) = primary_storage(machines, &zone);
        let storage = make(path, storage).await?;
        stage.make(&format!("/clusters/{cluster}/primary-storage/{storage}"), &json!({})).await?;
        let (path, images) = image_storage(stage, machines);
        let images = make(path, images).await?;
        stage.make(&format!("/zones/{zone}/backup-storage/{images}"), &json!({})).await?;
        let image = json!({ "name": "image", "mediaType": "RootVolumeTemplate", "platform": "Linux", "format": "qcow2",
                            "url": "http://images.example/guest.qcow2", "backupStorageUuids": [images] });
        let image = make("/images", image).await?;
        let l2 = json!({ "name": "l2", "physicalInterface": "eth1", "zoneUuid": zone });
        let l2 = make("/l2-networks/no-vlan", l2).await?;
        stage.make(&format!("/l2-networks/{l2}/clusters/{cluster}"), &json!({})).await?;
        let l3 = make("/l3-networks", json!({ "name": "l3", "l2NetworkUuid": l2 })).await?;
        let range = json!({ "name": "range", "startIp": "10.50.0.10", "endIp": "10.50.250.250",
                            "netmask": "255.255.0.0", "gateway": "10.50.0.1" });
        stage.make(&format!("/l3-networks/{l3}/ip-ranges"), &range).await?;
        let flat = stage.call("GET", "/network-services/providers?q=type=Flat", &Value::Null).await?;
        let services = json!({ "networkServices": { id(&flat["inventories"][0])?: ["DHCP"] } });
        stage.make(&format!("/l3-networks/{l3}/network-services"), &services).await?;
        let offering = json!({ "name": "small", "cpuNum": 1, "memorySize": 128 << 20 });
        let offering = make("/instance-offerings", offering).await?;
        Ok(Self { zone, image, l3, offering })
    }

    /// What creates a VM here.
    pub(crate) fn vm(&self, name: &str) -> Value {
        json!({ "name": name, "instanceOfferingUuid": self.offering, "imageUuid": self.image, "l3NetworkUuids": [self.l3] })
    }
}

async fn add_hosts(stage: &Stage, machines: Machines, cluster: &str, hosts: usize) -> anyhow::Result<()> {
    use futures::{StreamExt, TryStreamExt, stream};
    let added = stream::iter(0..hosts).map(async |n| {
        let (name, address) = (format!("host-{n}"), host_address(stage.network, n));
        let (path, host) = match machines {
            Machines::Agents => {
                let host = json!({ "name": name, "managementIp": address, "clusterUuid": cluster, "username": "root",
                                   "password": "password" });
                ("/hosts/kvm", host)
            }
            Machines::Simulated => {
                let host = json!({ "name": name, "managementIp": address, "clusterUuid": cluster, "cpuCapacity": 16,
                                   "memoryCapacity": 64_u64 << 30 });
                ("/hosts/simulators", host)
            }
        };
        stage.make(path, &host).await.map(drop)
    });
    added.buffer_unordered(AT_ONCE).try_collect().await
}

/// Where a primary storage is added, and what it is.
fn primary_storage(machines: Machines, zone: &str) -> (&'static str, Value) {
    let storage = json!({ "name": "ps", "url": "/cumulo_ps", "zoneUuid": zone });
    match machines {
        Machines::Agents => ("/primary-storage/local-storage", storage),
        Machines::Simulated => ("/primary-storage/simulators", with_room(storage)),
    }
}

/// Where a storage of images is added, and what it is.
fn image_storage(stage: &Stage, machines: Machines) -> (&'static str, Value) {
    let images = json!({ "name": "bs", "url": "/cumulo_bs" });
    match machines {
        Machines::Agents => {
            let mut images = images;
            images["hostname"] = json!(stage.network.address(1));
            images["username"] = json!("root");
            images["password"] = json!("password");
            ("/backup-storage/sftp", images)
        }
        Machines::Simulated => ("/backup-storage/simulators", with_room(images)),
    }
}

/// A simulated storage as large as 16 TiB.
fn with_room(mut storage: Value) -> Value {
    for size in ["totalCapacity", "availableCapacity", "totalPhysicalCapacity", "availablePhysicalCapacity"] {
        storage[size] = json!(16_u64 << 40);
    }
    storage
}

/// The address of host `n`, from the one after the backup storage's on: a thousand do not fit in one network.
pub(crate) fn host_address(network: Network, n: usize) -> IpAddr {
    let IpAddr::V4(first) = network.address(2) else { return network.address(2) };
    Ipv4Addr::from(u32::from(first).wrapping_add(u32::try_from(n).unwrap_or(u32::MAX))).into()
}

fn id(inventory: &Value) -> anyhow::Result<String> {
    inventory["uuid"].as_str().map(str::to_owned).with_context(|| format!("{inventory} has no uuid"))
}
