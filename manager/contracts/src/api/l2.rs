//! L2 networks.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::L2Network;

/// Creates an L2 network without VLAN: a bridge on a physical interface of each host.
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
    /// The network interface of the hosts.
    #[param(max_length = 1024)]
    pub physical_interface: String,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
    /// What switches it on the hosts.
    #[param(max_length = 1024, values("LinuxBridge", "OvsDpdk", "MacVlan"), default = "LinuxBridge")]
    pub v_switch_type: String,
    /// Whether members reach only the uplink.
    #[param(default = "false")]
    pub isolated: bool,
    /// Private VLAN.
    #[param(no_empty_string)]
    pub pvlan: Option<String>,
}

/// Changes name or description of an L2 network.
#[api(put "/l2-networks/{uuid}/actions", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", job, reply = Inventory<L2Network>)]
pub struct UpdateL2Network {
    /// The L2 network.
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
    /// The L2 network.
    #[param(resource = "L2NetworkVO", success_if_missing, check_account, operation_target)]
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
    /// What switches it on the hosts.
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

/// Lists the kinds of L2 network that can be created.
#[api(get "/l2-networks/types", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", reply = GetL2NetworkTypesReply)]
pub struct GetL2NetworkTypes {}

/// What [`GetL2NetworkTypes`] answers.
#[reply(members)]
pub struct GetL2NetworkTypesReply {
    /// Their names.
    pub types: Vec<String>,
}
