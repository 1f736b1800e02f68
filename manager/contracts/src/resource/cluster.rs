//! Clusters.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::ResourceState;

/// A cluster: hosts that are alike and see the same storage and networks.
#[resource(
    table = "cluster",
    java = "org.zstack.header.cluster.ClusterInventory",
    vo = "ClusterVO",
    seen_by(all),
    expand(zone: Zone, zoneUuid = uuid),
    expand(host: Host, uuid = clusterUuid),
    expand(vmInstance: VmInstance, uuid = clusterUuid),
    expand(hidden l2NetworkRef: L2NetworkClusterRef, uuid = clusterUuid),
    expand(hidden l2VlanNetworkRef: L2NetworkClusterRef, uuid = clusterUuid),
    expand(hidden primaryStorageRef: PrimaryStorageClusterRef, uuid = clusterUuid),
    alias(l2Network = "l2NetworkRef.l2Network"),
    alias(l2VlanNetwork = "l2VlanNetworkRef.l2Network"),
    alias(primaryStorage = "primaryStorageRef.primaryStorage")
)]
pub struct Cluster {
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Whether it takes part in what is new.
    pub state: ResourceState,
    /// What its virtual machines run on.
    pub hypervisor_type: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// The zone it is in.
    #[field(indexed, references = "Zone")]
    pub zone_uuid: Uuid,
    /// Its kind.
    pub r#type: String,
    /// Processor architecture.
    pub architecture: Option<String>,
}
