//! A cloud of the simulator plugin: what an operator without hardware builds.

use serde_json::json;

use crate::{
    Cloud, World,
    cloud::{id, params},
};

/// Memory of a simulated host and space of simulated storages, in bytes.
const MEMORY: i64 = 64 << 30;
const SPACE: i64 = 1 << 40;

impl World {
    /// Builds a cloud like [`World::cloud`] of hosts and storages that there are not.
    ///
    /// # Panics
    /// When any of it is refused.
    pub async fn simulated_cloud(&self) -> Cloud {
        let zone = id(&self.make("POST", "/zones", params(json!({ "name": "zone" }))).await);
        let cluster = json!({ "name": "cluster", "hypervisorType": "Simulator", "zoneUuid": zone });
        let cluster = id(&self.make("POST", "/clusters", params(cluster)).await);
        let host = self.simulated_host(&cluster, "127.0.0.1").await;
        let storage = json!({ "name": "ps", "url": "nowhere", "zoneUuid": zone,
                              "totalCapacity": SPACE, "availableCapacity": SPACE,
                              "totalPhysicalCapacity": SPACE, "availablePhysicalCapacity": SPACE });
        let primary_storage = id(&self.make("POST", "/primary-storage/simulators", params(storage)).await);
        self.make("POST", &format!("/clusters/{cluster}/primary-storage/{primary_storage}"), params(json!({}))).await;
        let storage = json!({ "name": "bs", "url": "nowhere", "totalCapacity": SPACE, "availableCapacity": SPACE });
        let backup_storage = id(&self.make("POST", "/backup-storage/simulators", params(storage)).await);
        self.make("POST", &format!("/zones/{zone}/backup-storage/{backup_storage}"), params(json!({}))).await;
        let image = json!({ "name": "image", "mediaType": "RootVolumeTemplate", "platform": "Linux", "format": "qcow2",
                            "url": "http://nowhere.example/guest.qcow2", "backupStorageUuids": [backup_storage] });
        let image = id(&self.make("POST", "/images", params(image)).await);
        let (l2, l3) = self.network(&zone, &cluster).await;
        let offering = self.offering().await;
        Cloud { zone, cluster, host, primary_storage, backup_storage, image, l2, l3, offering }
    }

    /// Adds a simulated host at `address` to `cluster`.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn simulated_host(&self, cluster: &str, address: &str) -> String {
        let host = json!({ "name": format!("host at {address}"), "managementIp": address, "clusterUuid": cluster,
                           "cpuCapacity": 16, "memoryCapacity": MEMORY });
        id(&self.make("POST", "/hosts/simulators", params(host)).await)
    }
}
