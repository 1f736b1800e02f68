//! Primary storages and what is on them.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::{PrimaryStorageState, StorageStatus};

/// A primary storage: where the volumes of running virtual machines are.
#[resource(
    table = "primary_storage",
    java = "org.zstack.header.storage.primary.PrimaryStorageInventory",
    vo = "PrimaryStorageVO",
    seen_by(all),
    type_field = "type",
    collection(attachedClusterUuids: PrimaryStorageClusterRef, primaryStorageUuid, clusterUuid),
    expand(zone: Zone, zoneUuid = uuid),
    expand(volume: Volume, uuid = primaryStorageUuid),
    expand(hidden clusterRef: PrimaryStorageClusterRef, uuid = primaryStorageUuid),
    alias(cluster = "clusterRef.cluster")
)]
pub struct PrimaryStorage {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The zone it is in.
    #[field(indexed, references = "Zone")]
    pub zone_uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// Where it is or came from.
    pub url: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Size for allocation, in bytes.
    pub total_capacity: i64,
    /// Free for allocation, in bytes.
    pub available_capacity: i64,
    /// Size of the disks, in bytes.
    pub total_physical_capacity: i64,
    /// Free on the disks, in bytes.
    pub available_physical_capacity: i64,
    /// Used by others than us, in bytes.
    pub system_used_capacity: Option<i64>,
    /// Its kind.
    pub r#type: String,
    /// Whether it takes part in what is new.
    pub state: PrimaryStorageState,
    /// What it was last seen to be.
    pub status: StorageStatus,
    /// Where hosts see it.
    pub mount_path: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A primary storage attached to a cluster.
#[resource(
    table = "primary_storage_cluster_ref",
    java = "org.zstack.header.storage.primary.PrimaryStorageClusterRefInventory",
    vo = "PrimaryStorageClusterRefVO",
    seen_by(all),
    unique(primaryStorageUuid, clusterUuid),
    expand(primaryStorage: PrimaryStorage, primaryStorageUuid = uuid),
    expand(cluster: Cluster, clusterUuid = uuid)
)]
pub struct PrimaryStorageClusterRef {
    /// The primary storage.
    #[field(indexed, references = "PrimaryStorage", part_of = "PrimaryStorage")]
    pub primary_storage_uuid: Uuid,
    /// The cluster it is in.
    #[field(indexed, references = "Cluster", part_of = "Cluster")]
    pub cluster_uuid: Uuid,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// The part of a local storage that lies on one host.
#[resource(
    table = "local_storage_host_ref",
    java = "org.zstack.storage.primary.local.LocalStorageHostRefInventory",
    vo = "LocalStorageHostRefVO",
    unique(primaryStorageUuid, hostUuid)
)]
pub struct LocalStorageHostRef {
    /// The primary storage.
    #[field(indexed, references = "PrimaryStorage", part_of = "PrimaryStorage")]
    pub primary_storage_uuid: Uuid,
    /// The host it is on.
    #[field(indexed, references = "Host", part_of = "Host")]
    pub host_uuid: Uuid,
    /// Size for allocation, in bytes.
    pub total_capacity: i64,
    /// Free for allocation, in bytes.
    pub available_capacity: i64,
    /// Size of the disks, in bytes.
    pub total_physical_capacity: i64,
    /// Free on the disks, in bytes.
    pub available_physical_capacity: i64,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// On which host of a local storage a volume or cached image is.
#[resource(
    table = "local_storage_resource_ref",
    java = "org.zstack.storage.primary.local.LocalStorageResourceRefInventory",
    vo = "LocalStorageResourceRefVO",
    seen_by(owner = resourceUuid),
    unique(resourceUuid, hostUuid),
    expand(volume: Volume, resourceUuid = uuid),
    expand(image: Image, resourceUuid = uuid)
)]
pub struct LocalStorageResourceRef {
    /// The resource.
    #[field(part_of = "Volume")]
    pub resource_uuid: Uuid,
    /// The primary storage.
    #[field(indexed, references = "PrimaryStorage", part_of = "PrimaryStorage")]
    pub primary_storage_uuid: Uuid,
    /// The host it is on.
    #[field(indexed, references = "Host", part_of = "Host")]
    pub host_uuid: Uuid,
    /// Size as the guest sees it, in bytes.
    pub size: i64,
    /// The VO of the resource.
    pub resource_type: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// An image kept on a primary storage for volumes to start from.
#[resource(table = "image_cache", java = "org.zstack.header.storage.primary.ImageCacheInventory", vo = "ImageCacheVO")]
pub struct ImageCache {
    /// Its number.
    #[field(unique)]
    pub id: i64,
    /// The primary storage.
    #[field(indexed, references = "PrimaryStorage", part_of = "PrimaryStorage")]
    pub primary_storage_uuid: Uuid,
    /// The image.
    #[field(indexed)]
    pub image_uuid: Uuid,
    /// Where on the storage.
    pub install_url: String,
    /// What is in it.
    pub media_type: String,
    /// Size as the guest sees it, in bytes.
    pub size: i64,
    /// MD5 of its content, in hex.
    pub md5sum: String,
    /// Whether it takes part in what is new.
    pub state: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// The host on whose disk it is, where hosts have disks of their own.
    #[field(hidden, indexed, part_of = "Host")]
    pub host_uuid: Option<Uuid>,
}
