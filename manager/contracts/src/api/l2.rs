//! APIs of group `l2`.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::L2Network;

/// Creates an L2 no vlan network.
#[api(post "/l2-networks/no-vlan", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", job, create, admin, reply = Inventory<L2Network>)]
pub struct CreateL2NoVlanNetwork {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
    /// Physical interface.
    #[param(max_length = 1024)]
    pub physical_interface: String,
    /// Its kind.
    pub r#type: Option<String>,
    /// V switch type.
    #[param(max_length = 1024, values("LinuxBridge", "OvsDpdk", "MacVlan"), default = "LinuxBridge")]
    pub v_switch_type: String,
    /// Isolated.
    #[param(default = "false")]
    pub isolated: bool,
    /// Pvlan.
    #[param(no_empty_string)]
    pub pvlan: Option<String>,
}

/// Changes what is recorded of an L2 network.
#[api(put "/l2-networks/{uuid}/actions", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", job, reply = Inventory<L2Network>)]
pub struct UpdateL2Network {
    /// The id of what is meant.
    #[param(resource = "L2NetworkVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Deletes an L2 network.
#[api(delete "/l2-networks/{uuid}", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", job, delete, reply = Empty)]
pub struct DeleteL2Network {
    /// The id of what is meant.
    #[param(resource = "L2NetworkVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Attaches an L2 network to a cluster.
#[api(post "/l2-networks/{l2NetworkUuid}/clusters/{clusterUuid}", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", job, admin, body_key = "null", reply = Inventory<L2Network>)]
pub struct AttachL2NetworkToCluster {
    /// The L2 network.
    #[param(resource = "L2NetworkVO", check_account, operation_target)]
    pub l2_network_uuid: Uuid,
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Uuid,
    /// L2 provider type.
    #[param(values("LinuxBridge"))]
    pub l2_provider_type: Option<String>,
}

/// Detaches an L2 network from a cluster.
#[api(delete "/l2-networks/{l2NetworkUuid}/clusters/{clusterUuid}", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", job, admin, reply = Inventory<L2Network>)]
pub struct DetachL2NetworkFromCluster {
    /// The L2 network.
    #[param(resource = "L2NetworkVO", check_account, operation_target)]
    pub l2_network_uuid: Uuid,
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Uuid,
}

/// Finds L2 networks.
#[api(query "/l2-networks", group = "l2Network", service = "query", package = "org.zstack.header.network.l2", reply = Inventories<L2Network>)]
pub struct QueryL2Network;

/// Answers the L2 network types.
#[api(get "/l2-networks/types", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", reply = GetL2NetworkTypesReply)]
pub struct GetL2NetworkTypes {}

/// What [`GetL2NetworkTypes`] answers.
#[reply(members)]
pub struct GetL2NetworkTypesReply {
    /// Types.
    pub types: Vec<String>,
}
