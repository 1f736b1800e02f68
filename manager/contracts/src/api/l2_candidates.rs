//! Which L2 networks can go where.

use cumulo_derive::{api, reply};
use cumulo_schema::Uuid;
use serde_json::Value;

/// Lists the L2 networks that could be attached to a cluster.
#[api(get "/cluster/{clusterUuid}/l2-candidates", group = "cluster", service = "network.l2", package = "org.zstack.header.network.l2", admin, reply = GetCandidateL2NetworksForAttachingClusterReply)]
pub struct GetCandidateL2NetworksForAttachingCluster {
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Uuid,
    /// At most so many.
    #[param(default = "1000")]
    pub limit: Option<i32>,
    /// Without the first so many.
    #[param(default = "0")]
    pub start: Option<i32>,
}

/// What [`GetCandidateL2NetworksForAttachingCluster`] answers.
#[reply(all)]
pub struct GetCandidateL2NetworksForAttachingClusterReply {
    /// The networks.
    #[member(of = "L2NetworkData")]
    pub inventories: Vec<Value>,
}

/// Lists the clusters to which an L2 network could be attached.
#[api(get "/l2-networks/{l2NetworkUuid}/cluster-candidates", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", admin, reply = GetCandidateClustersForAttachingL2NetworkReply)]
pub struct GetCandidateClustersForAttachingL2Network {
    /// The L2 network.
    #[param(resource = "L2NetworkVO", check_account, operation_target)]
    pub l2_network_uuid: Uuid,
    /// Only clusters of these hypervisor types.
    pub cluster_types: Option<Vec<String>>,
    /// At most so many.
    #[param(default = "1000")]
    pub limit: Option<i32>,
    /// Without the first so many.
    #[param(default = "0")]
    pub start: Option<i32>,
}

/// What [`GetCandidateClustersForAttachingL2Network`] answers.
#[reply(all)]
pub struct GetCandidateClustersForAttachingL2NetworkReply {
    /// The clusters.
    #[member(of = "ClusterInventory")]
    pub inventories: Vec<Value>,
}

/// Lists what can switch an L2 network on hosts.
#[api(get "/l2-networks/vSwitchTypes", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", reply = GetVSwitchTypesReply)]
pub struct GetVSwitchTypes {}

/// What [`GetVSwitchTypes`] answers.
#[reply(members)]
pub struct GetVSwitchTypesReply {
    /// Their names.
    pub types: Vec<String>,
}
