//! Zones.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::ResourceState;

/// A zone: a data centre, or a part of one that shares nothing with the others.
#[resource(
    table = "zone",
    java = "org.zstack.header.zone.ZoneInventory",
    vo = "ZoneVO",
    seen_by(all),
    expand(vmInstance: VmInstance, uuid = zoneUuid),
    expand(cluster: Cluster, uuid = zoneUuid),
    expand(host: Host, uuid = zoneUuid),
    expand(primaryStorage: PrimaryStorage, uuid = zoneUuid),
    expand(l2Network: L2Network, uuid = zoneUuid),
    expand(l3Network: L3Network, uuid = zoneUuid),
    expand(hidden backupStorageRef: BackupStorageZoneRef, uuid = zoneUuid),
    alias(backupStorage = "backupStorageRef.backupStorage")
)]
pub struct Zone {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Whether it takes part in what is new.
    pub state: ResourceState,
    /// Its kind.
    pub r#type: String,
    /// Whether it is the one meant when none is named.
    pub is_default: bool,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
