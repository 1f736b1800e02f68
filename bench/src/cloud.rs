//! A cloud that is ready for VMs, on hosts with agents.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use cumulo_sim_hosts::Network;
use serde_json::{Value, json};

use crate::stage::Stage;

/// Hosts that are added at once.
const AT_ONCE: usize = 8;

/// Ids of what there is.
pub(crate) struct Cloud {
    pub(crate) zone: String,
    image: String,
    l3: String,
    offering: String,
}

impl Cloud {
    /// Builds it, with so many hosts and room for 60,000 addresses.
    pub(crate) async fn build(stage: &Stage, hosts: usize) -> anyhow::Result<Self> {
        let make =
            async |path: &str, params: Value| -> anyhow::Result<String> { id(&stage.make(path, &params).await?) };
        let zone = make("/zones", json!({ "name": "zone" })).await?;
        let cluster = json!({ "name": "cluster", "hypervisorType": "KVM", "zoneUuid": zone });
        let cluster = make("/clusters", cluster).await?;
        add_hosts(stage, &cluster, hosts).await?;
        let storage = json!({ "name": "ps", "url": "/cumulo_ps", "zoneUuid": zone });
        let storage = make("/primary-storage/local-storage", storage).await?;
        stage.make(&format!("/clusters/{cluster}/primary-storage/{storage}"), &json!({})).await?;
        let images = json!({ "name": "bs", "url": "/cumulo_bs", "hostname": stage.network.address(1), "username": "root",
                             "password": "password" });
        let images = make("/backup-storage/sftp", images).await?;
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

async fn add_hosts(stage: &Stage, cluster: &str, hosts: usize) -> anyhow::Result<()> {
    use futures::{StreamExt, TryStreamExt, stream};
    let added = stream::iter(0..hosts).map(async |n| {
        let host = json!({ "name": format!("host-{n}"), "managementIp": host_address(stage.network, n), "clusterUuid": cluster,
                           "username": "root", "password": "password" });
        stage.make("/hosts/kvm", &host).await.map(drop)
    });
    added.buffer_unordered(AT_ONCE).try_collect().await
}

/// The address of host `n`, from the one after the backup storage's on: a thousand do not fit in one network.
pub(crate) fn host_address(network: Network, n: usize) -> IpAddr {
    let IpAddr::V4(first) = network.address(2) else { return network.address(2) };
    Ipv4Addr::from(u32::from(first).wrapping_add(u32::try_from(n).unwrap_or(u32::MAX))).into()
}

fn id(inventory: &Value) -> anyhow::Result<String> {
    inventory["uuid"].as_str().map(str::to_owned).with_context(|| format!("{inventory} has no uuid"))
}
