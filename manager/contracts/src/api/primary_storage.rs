//! APIs of group `primary storage`.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::{ImageCache, LocalStorageResourceRef, PrimaryStorage};

/// Adds a local primary storage.
#[api(post "/primary-storage/local-storage", group = "localStorage", service = "storage.primary", package = "org.zstack.storage.primary.local", job, create, admin, reply = Inventory<PrimaryStorage>)]
pub struct AddLocalPrimaryStorage {
    /// Where it is.
    #[param(max_length = 2048, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind.
    pub r#type: Option<String>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
}

/// Adds a simulator primary storage.
#[api(post "/primary-storage/simulators", group = "simulator", service = "None", package = "org.zstack.header.simulator.storage.primary", job, create, admin, reply = Inventory<PrimaryStorage>)]
pub struct AddSimulatorPrimaryStorage {
    /// Total capacity.
    #[param(default = "100000000")]
    pub total_capacity: i64,
    /// Available capacity.
    #[param(default = "10000000")]
    pub available_capacity: i64,
    /// Available physical capacity.
    #[param(default = "10000000")]
    pub available_physical_capacity: i64,
    /// Total physical capacity.
    #[param(default = "10000000")]
    pub total_physical_capacity: i64,
    /// Where it is.
    #[param(max_length = 2048, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind.
    pub r#type: Option<String>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
}

/// Changes what is recorded of a primary storage.
#[api(put "/primary-storage/{uuid}/actions", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct UpdatePrimaryStorage {
    /// The id of what is meant.
    #[param(resource = "PrimaryStorageVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Where it is.
    #[param(max_length = 2048, sensitive)]
    pub url: Option<String>,
}

/// Enables or disables a primary storage.
#[api(put "/primary-storage/{uuid}/actions", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct ChangePrimaryStorageState {
    /// The id of what is meant.
    #[param(resource = "PrimaryStorageVO")]
    pub uuid: Uuid,
    /// What to do with its state.
    #[param(values("enable", "disable", "maintain", "deleting"))]
    pub state_event: String,
}

/// Connects again the primary storage.
#[api(put "/primary-storage/{uuid}/actions", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, admin, reply = Inventory<PrimaryStorage>)]
pub struct ReconnectPrimaryStorage {
    /// The id of what is meant.
    #[param(resource = "PrimaryStorageVO")]
    pub uuid: Uuid,
}

/// Deletes a primary storage.
#[api(delete "/primary-storage/{uuid}", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", job, delete, admin, reply = Empty)]
pub struct DeletePrimaryStorage {
    /// The id of what is meant.
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

/// Answers the primary storage capacity.
#[api(get "/primary-storage/capacities", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", admin, reply = GetPrimaryStorageCapacityReply)]
pub struct GetPrimaryStorageCapacity {
    /// Zone ids.
    #[param(resource = "ZoneVO")]
    pub zone_uuids: Option<Vec<Uuid>>,
    /// Cluster ids.
    #[param(resource = "ClusterVO")]
    pub cluster_uuids: Option<Vec<Uuid>>,
    /// Primary storage ids.
    #[param(resource = "PrimaryStorageVO")]
    pub primary_storage_uuids: Option<Vec<Uuid>>,
    /// All.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetPrimaryStorageCapacity`] answers.
#[reply(all)]
pub struct GetPrimaryStorageCapacityReply {
    /// Total capacity.
    #[member(of = "long")]
    pub total_capacity: Option<i64>,
    /// Available capacity.
    #[member(of = "long")]
    pub available_capacity: Option<i64>,
    /// Total physical capacity.
    #[member(of = "long")]
    pub total_physical_capacity: Option<i64>,
    /// Available physical capacity.
    #[member(of = "long")]
    pub available_physical_capacity: Option<i64>,
}

/// Answers the primary storage types.
#[api(get "/primary-storage/types", group = "primaryStorage", service = "storage.primary", package = "org.zstack.header.storage.primary", admin, reply = GetPrimaryStorageTypesReply)]
pub struct GetPrimaryStorageTypes {}

/// What [`GetPrimaryStorageTypes`] answers.
#[reply(members)]
pub struct GetPrimaryStorageTypesReply {
    /// Types.
    pub types: Vec<String>,
}

/// Finds local storage resource refs.
#[api(query "/primary-storage/local-storage/resource-refs", group = "localStorage", service = "query", package = "org.zstack.storage.primary.local", reply = Inventories<LocalStorageResourceRef>)]
pub struct QueryLocalStorageResourceRef;

/// Finds image caches.
#[api(query "/primary-storage/imagecache", group = "primaryStorage", service = "query", package = "org.zstack.header.storage.primary", admin, reply = Inventories<ImageCache>)]
pub struct QueryImageCache;
