//! Primary storages: add, change, attach to clusters, remove.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::{ImageCache, LocalStorageResourceRef, PrimaryStorage};

/// Adds a primary storage made of a directory on each host's own disks.
#[api(post "/primary-storage/local-storage", group = "localStorage", service = "storage.primary", package = "org.zstack.storage.primary.local", job, create, admin, reply = Inventory<PrimaryStorage>)]
pub struct AddLocalPrimaryStorage {
    /// The directory on the hosts.
    #[param(max_length = 2048, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
}

/// Adds a simulated primary storage, for tests.
#[api(post "/primary-storage/simulators", group = "simulator", service = "storage.primary", package = "org.zstack.header.simulator.storage.primary", job, create, admin, reply = Inventory<PrimaryStorage>)]
pub struct AddSimulatorPrimaryStorage {
    /// Size, in bytes.
    #[param(default = "100000000")]
    pub total_capacity: i64,
    /// Free, in bytes.
    #[param(default = "10000000")]
    pub available_capacity: i64,
    /// Free on the disks, in bytes.
    #[param(default = "10000000")]
    pub available_physical_capacity: i64,
    /// Size of the disks, in bytes.
    #[param(default = "10000000")]
    pub total_physical_capacity: i64,
    /// Any text.
    #[param(max_length = 2048, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
}

/// Changes name, description or place of a primary storage.
#[api(put "/primary-storage/{uuid}/actions", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct UpdatePrimaryStorage {
    /// The primary storage.
    #[param(resource = "PrimaryStorageVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The directory on the hosts.
    #[param(max_length = 2048, sensitive)]
    pub url: Option<String>,
}

/// Enables or disables a primary storage, or puts it into maintenance.
#[api(put "/primary-storage/{uuid}/actions", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct ChangePrimaryStorageState {
    /// The primary storage.
    #[param(resource = "PrimaryStorageVO")]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable", "maintain", "deleting"))]
    pub state_event: String,
}

/// Connects to a primary storage again.
#[api(put "/primary-storage/{uuid}/actions", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct ReconnectPrimaryStorage {
    /// The primary storage.
    #[param(resource = "PrimaryStorageVO")]
    pub uuid: Uuid,
}

/// Deletes a primary storage; it must be detached from all clusters.
#[api(delete "/primary-storage/{uuid}", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, delete, admin, reply = Empty)]
pub struct DeletePrimaryStorage {
    /// The primary storage.
    pub uuid: String,
}

/// Attaches a primary storage to a cluster.
#[api(post "/clusters/{clusterUuid}/primary-storage/{primaryStorageUuid}", group = "cluster", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct AttachPrimaryStorageToCluster {
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Uuid,
    /// The primary storage.
    #[param(resource = "PrimaryStorageVO")]
    pub primary_storage_uuid: Uuid,
}

/// Detaches a primary storage from a cluster.
#[api(delete "/clusters/{clusterUuid}/primary-storage/{primaryStorageUuid}", group = "cluster", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct DetachPrimaryStorageFromCluster {
    /// The primary storage.
    #[param(resource = "PrimaryStorageVO")]
    pub primary_storage_uuid: Uuid,
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Uuid,
}

/// Finds primary storages.
#[api(query "/primary-storage", group = "primaryStorage", service = "query", package = "org.zstack.header.storage.primary", reply = Inventories<PrimaryStorage>)]
pub struct QueryPrimaryStorage;

/// Sums up the capacity of primary storages.
#[api(get "/primary-storage/capacities", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", admin, reply = GetPrimaryStorageCapacityReply)]
pub struct GetPrimaryStorageCapacity {
    /// The zones.
    #[param(resource = "ZoneVO")]
    pub zone_uuids: Option<Vec<Uuid>>,
    /// The clusters.
    #[param(resource = "ClusterVO")]
    pub cluster_uuids: Option<Vec<Uuid>>,
    /// The primary storages.
    #[param(resource = "PrimaryStorageVO")]
    pub primary_storage_uuids: Option<Vec<Uuid>>,
    /// All there are, instead of those named.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetPrimaryStorageCapacity`] answers.
#[reply(all)]
pub struct GetPrimaryStorageCapacityReply {
    /// Size, in bytes.
    #[member(of = "long")]
    pub total_capacity: Option<i64>,
    /// Free, in bytes.
    #[member(of = "long")]
    pub available_capacity: Option<i64>,
    /// Size of the disks, in bytes.
    #[member(of = "long")]
    pub total_physical_capacity: Option<i64>,
    /// Free on the disks, in bytes.
    #[member(of = "long")]
    pub available_physical_capacity: Option<i64>,
}

/// Lists the kinds of primary storage that can be added.
#[api(get "/primary-storage/types", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", admin, reply = GetPrimaryStorageTypesReply)]
pub struct GetPrimaryStorageTypes {}

/// What [`GetPrimaryStorageTypes`] answers.
#[reply(members)]
pub struct GetPrimaryStorageTypesReply {
    /// Their names.
    pub types: Vec<String>,
}

/// Finds on which hosts of local storages volumes and images are.
#[api(query "/primary-storage/local-storage/resource-refs", group = "localStorage", service = "query", package = "org.zstack.storage.primary.local", reply = Inventories<LocalStorageResourceRef>)]
pub struct QueryLocalStorageResourceRef;

/// Finds images kept on primary storages for volumes to start from.
#[api(query "/primary-storage/imagecache", group = "primaryStorage", service = "query", package = "org.zstack.header.storage.primary", admin, reply = Inventories<ImageCache>)]
pub struct QueryImageCache;
