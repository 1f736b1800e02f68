//! A cloud that is ready for VMs: what the first scenario builds, with simulated machines.

use cumulo_agent_rt::storage::FakeFile;
use cumulo_kvm_agent::sim::SimHost;
use cumulo_schema::Uuid;
use serde_json::{Value, json};

use crate::World;

/// Where the image is published.
const IMAGE_URL: &str = "http://images.example/guest.qcow2";
/// Where the backup storage is.
const STORAGE_ADDRESS: &str = "10.9.9.1";

/// Ids of what there is.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are the ids of what they are called")]
pub struct Cloud {
    pub zone: String,
    pub cluster: String,
    pub host: String,
    pub primary_storage: String,
    pub backup_storage: String,
    pub image: String,
    pub l2: String,
    pub l3: String,
    pub offering: String,
}

impl World {
    /// Builds a cloud of one zone, cluster, host, local storage, backup storage, image, flat network and offering.
    ///
    /// # Panics
    /// When any of it is refused.
    pub async fn cloud(&self) -> Cloud {
        let zone = id(&self.make("POST", "/zones", params(json!({ "name": "zone" }))).await);
        let cluster = json!({ "name": "cluster", "hypervisorType": "KVM", "zoneUuid": zone });
        let cluster = id(&self.make("POST", "/clusters", params(cluster)).await);
        let host = json!({ "name": "host", "managementIp": "10.9.9.1", "username": "root", "password": "secret", "clusterUuid": cluster });
        let host = id(&self.make("POST", "/hosts/kvm", params(host)).await);
        let storage = json!({ "name": "ps", "url": "/cumulo_ps", "zoneUuid": zone });
        let primary_storage = id(&self.make("POST", "/primary-storage/local-storage", params(storage)).await);
        self.make("POST", &format!("/clusters/{cluster}/primary-storage/{primary_storage}"), params(json!({}))).await;
        self.sims.publish(IMAGE_URL, image_file());
        let storage = json!({ "name": "bs", "url": "/cumulo_bs", "hostname": STORAGE_ADDRESS, "username": "root", "password": "secret" });
        let backup_storage = id(&self.make("POST", "/backup-storage/sftp", params(storage)).await);
        self.make("POST", &format!("/zones/{zone}/backup-storage/{backup_storage}"), params(json!({}))).await;
        let image = json!({ "name": "image", "mediaType": "RootVolumeTemplate", "platform": "Linux", "format": "qcow2",
                            "url": IMAGE_URL, "backupStorageUuids": [backup_storage] });
        let image = id(&self.make("POST", "/images", params(image)).await);
        let host_uuid: Uuid = host.parse().expect("a uuid");
        self.join(&self.sims.host(host_uuid), &backup_storage);
        let (l2, l3) = self.network(&zone, &cluster).await;
        let offering = self.offering().await;
        Cloud { zone, cluster, host, primary_storage, backup_storage, image, l2, l3, offering }
    }

    /// A flat network with DHCP and user data on the hosts of `cluster`: its L2 and its L3.
    pub(crate) async fn network(&self, zone: &str, cluster: &str) -> (String, String) {
        let l2 = json!({ "name": "l2", "physicalInterface": "eth1", "zoneUuid": zone });
        let l2 = id(&self.make("POST", "/l2-networks/no-vlan", params(l2)).await);
        self.make("POST", &format!("/l2-networks/{l2}/clusters/{cluster}"), params(json!({}))).await;
        let l3 = id(&self.make("POST", "/l3-networks", params(json!({ "name": "l3", "l2NetworkUuid": l2 }))).await);
        let range = json!({ "name": "range", "startIp": "10.0.101.100", "endIp": "10.0.101.150",
                            "netmask": "255.255.255.0", "gateway": "10.0.101.1" });
        self.make("POST", &format!("/l3-networks/{l3}/ip-ranges"), params(range)).await;
        let flat = self.query("/network-services/providers?q=type=Flat").await;
        let services = json!({ "networkServices": { id(&flat[0]): ["DHCP", "Userdata"] } });
        self.make("POST", &format!("/l3-networks/{l3}/network-services"), params(services)).await;
        (l2, l3)
    }

    pub(crate) async fn offering(&self) -> String {
        let offering = json!({ "name": "small", "cpuNum": 1, "memorySize": 128 << 20 });
        id(&self.make("POST", "/instance-offerings", params(offering)).await)
    }

    /// As [`World::cloud`], with `hosts` hosts and room for 60,000 addresses.
    ///
    /// # Panics
    /// When any of it is refused.
    pub async fn large_cloud(&self, hosts: usize) -> Cloud {
        let cloud = self.cloud().await;
        for n in 1..hosts {
            let address = format!("10.9.{}.{}", 9 + n / 250, n % 250 + 1);
            let host = json!({ "params": { "name": format!("host-{n}"), "managementIp": address, "username": "root", "password": "secret", "clusterUuid": cloud.cluster } });
            let host = self.make("POST", "/hosts/kvm", host).await;
            let uuid = host["uuid"].as_str().and_then(|uuid| uuid.parse().ok()).expect("a uuid");
            self.join(&self.sims.host(uuid), &cloud.backup_storage);
        }
        let range = json!({ "params": { "name": "large", "startIp": "10.50.0.10", "endIp": "10.50.250.250",
                                        "netmask": "255.255.0.0", "gateway": "10.50.0.1" } });
        let l3 = self
            .make("POST", "/l3-networks", json!({ "params": { "name": "large", "l2NetworkUuid": cloud.l2 } }))
            .await;
        let l3 = l3["uuid"].as_str().expect("a uuid").to_owned();
        self.make("POST", &format!("/l3-networks/{l3}/ip-ranges"), range).await;
        let flat = self.query("/network-services/providers?q=type=Flat").await;
        let services =
            json!({ "params": { "networkServices": { flat[0]["uuid"].as_str().expect("a uuid"): ["DHCP"] } } });
        self.make("POST", &format!("/l3-networks/{l3}/network-services"), services).await;
        Cloud { l3, ..cloud }
    }

    /// Adds an ISO image that the host of `cloud` can fetch, and answers its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn iso(&self, cloud: &Cloud, name: &str) -> String {
        let file = FakeFile { iso: true, ..FakeFile::whole("raw", 8 << 20, 8 << 20) };
        let url = format!("http://images.example/{name}.iso");
        let storage = self.sims.storage(cloud.backup_storage.parse().expect("a uuid"));
        storage.origin().publish(&url, Some(file));
        let image =
            json!({ "name": name, "mediaType": "ISO", "url": url, "backupStorageUuids": [cloud.backup_storage] });
        id(&self.make("POST", "/images", params(image)).await)
    }

    /// Lets a host reach the files of the cloud's backup storage.
    fn join(&self, host: &SimHost, backup_storage: &str) {
        let storage = self.sims.storage(backup_storage.parse().expect("a uuid"));
        host.doors().images.join(STORAGE_ADDRESS, storage.disks());
    }
}

pub(crate) fn id(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

pub(crate) fn params(params: Value) -> Value {
    let mut body = json!({});
    body["params"] = params;
    body
}

fn image_file() -> FakeFile {
    FakeFile::whole("qcow2", 64 << 20, 16 << 20)
}

impl Cloud {
    /// What creates a VM here.
    #[must_use]
    pub fn vm(&self, name: &str) -> Value {
        json!({ "params": { "name": name, "instanceOfferingUuid": self.offering, "imageUuid": self.image,
                            "l3NetworkUuids": [self.l3] } })
    }
}
