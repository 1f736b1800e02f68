//! L2 networks.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

/// An L2 network: what shares a broadcast domain.
#[resource(
    table = "l2_network",
    java = "org.zstack.header.network.l2.L2NetworkInventory",
    vo = "L2NetworkVO",
    owned,
    shareable,
    seen_by(user = L3Network.l2NetworkUuid),
    type_field = "type",
    collection(attachedClusterUuids: L2NetworkClusterRef, l2NetworkUuid, clusterUuid),
    expand(zone: Zone, zoneUuid = uuid),
    expand(l3Network: L3Network, uuid = l2NetworkUuid),
    expand(hidden clusterRef: L2NetworkClusterRef, uuid = l2NetworkUuid),
    alias(cluster = "clusterRef.cluster")
)]
pub struct L2Network {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The zone it is in.
    #[field(indexed, references = "Zone")]
    pub zone_uuid: Uuid,
    /// The network interface on the hosts.
    pub physical_interface: Option<String>,
    /// Its kind.
    pub r#type: String,
    /// What switches it on the hosts.
    pub v_switch_type: String,
    /// Its VLAN id or VNI; 0 where it has none.
    pub virtual_network_id: i32,
    /// Whether members reach only the uplink.
    pub isolated: Option<bool>,
    /// Private VLAN.
    pub pvlan: Option<String>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// An L2 network that is a VLAN.
#[resource(
    table = "l2_vlan_network",
    java = "org.zstack.header.network.l2.L2VlanNetworkInventory",
    vo = "L2VlanNetworkVO",
    parent(L2Network = "L2VlanNetwork")
)]
pub struct L2VlanNetwork {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The VLAN id.
    pub vlan: i32,
}

/// An L2 network attached to a cluster.
#[resource(
    table = "l2_network_cluster_ref",
    java = "org.zstack.header.network.l2.L2NetworkClusterRefInventory",
    vo = "L2NetworkClusterRefVO",
    seen_by(all),
    unique(l2NetworkUuid, clusterUuid),
    expand(l2Network: L2Network, l2NetworkUuid = uuid),
    expand(cluster: Cluster, clusterUuid = uuid)
)]
pub struct L2NetworkClusterRef {
    /// The L2 network.
    #[field(indexed, references = "L2Network", part_of = "L2Network")]
    pub l2_network_uuid: Uuid,
    /// The cluster it is in.
    #[field(indexed, references = "Cluster", part_of = "Cluster")]
    pub cluster_uuid: Uuid,
    /// What switches it there.
    pub l2_provider_type: Option<String>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
