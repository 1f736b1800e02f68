//! Clusters.

use std::collections::BTreeMap;

use cumulo_derive::api;
use cumulo_schema::{Empty, Inventories, Inventory, Reply, ReplyField, ReplyShape, Resource, Uuid, system::LongJob};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::Cluster;

/// Creates a cluster.
#[api(post "/clusters", group = "cluster", service = "cluster", package = "org.zstack.header.cluster", job, create, admin, reply = Inventory<Cluster>)]
pub struct CreateCluster {
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// What virtual machines run on.
    #[param(values("KVM", "Simulator", "baremetal", "baremetal2", "xdragon"))]
    pub hypervisor_type: String,
    /// `zstack`.
    #[param(values("zstack", "baremetal", "baremetal2"))]
    pub r#type: Option<String>,
    /// Processor architecture.
    #[param(values("x86_64", "aarch64", "mips64el", "loongarch64"))]
    pub architecture: Option<String>,
}

/// Changes name or description of a cluster.
#[api(put "/clusters/{uuid}/actions", group = "cluster", service = "cluster", package = "org.zstack.header.cluster", job, admin, reply = Inventory<Cluster>)]
pub struct UpdateCluster {
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Enables or disables a cluster.
#[api(put "/clusters/{uuid}/actions", group = "cluster", service = "cluster", package = "org.zstack.header.cluster", job, admin, reply = Inventory<Cluster>)]
pub struct ChangeClusterState {
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Brings the operating systems of a cluster's hosts up to date, in the background: the long job tells of each host.
#[api(put "/clusters/{uuid}/actions", group = "cluster", service = "cluster", package = "org.zstack.header.cluster", job, create, admin, timeout_secs = 86400, reply = UpdateClusterOSReply)]
pub struct UpdateClusterOS {
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub uuid: Uuid,
    /// Only this host of it.
    #[param(resource = "HostVO")]
    pub host_uuid: Option<Uuid>,
    /// Packages that stay as they are; `*` stands for any letters.
    #[param(nonempty)]
    pub exclude_packages: Option<Vec<String>>,
    /// Only these packages.
    #[param(nonempty)]
    pub update_packages: Option<Vec<String>>,
    /// The release of the distribution to take packages of, where its tool knows releases: dnf and yum.
    #[param(nonempty)]
    pub release_version: Option<String>,
    /// Also where virtual machines run.
    #[param(default = "false")]
    pub force: bool,
}

/// What [`UpdateClusterOS`] answers: the long job. The long job's own result is by host `success`, or why not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UpdateClusterOSReply {
    /// It is under way.
    Submitted {
        /// The long job.
        inventory: Value,
    },
    /// What became of each host.
    Ended(BTreeMap<Uuid, String>),
}

impl Reply for UpdateClusterOSReply {
    const SHAPE: ReplyShape =
        ReplyShape::Members(&[ReplyField { name: "inventory", type_name: LongJob::META.inventory }]);
}

/// Deletes a cluster.
#[api(delete "/clusters/{uuid}", group = "cluster", service = "cluster", package = "org.zstack.header.cluster", job, delete, admin, reply = Empty)]
pub struct DeleteCluster {
    /// The cluster.
    #[param(resource = "ClusterVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds clusters.
#[api(query "/clusters", group = "cluster", service = "query", package = "org.zstack.header.cluster", reply = Inventories<Cluster>)]
pub struct QueryCluster;
