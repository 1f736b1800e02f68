//! APIs of group `backup storage`.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::{BackupStorage, SftpBackupStorage};

/// Adds a SFTP backup storage.
#[api(post "/backup-storage/sftp", group = "sftp", service = "storage.backup", package = "org.zstack.storage.backup.sftp", job, create, admin, reply = Inventory<BackupStorage>)]
pub struct AddSftpBackupStorage {
    /// Hostname.
    #[param(max_length = 255, no_empty_string)]
    pub hostname: String,
    /// The account to log in as over SSH.
    #[param(max_length = 255)]
    pub username: String,
    /// The password of that account.
    #[param(max_length = 255, sensitive)]
    pub password: String,
    /// The port of SSH.
    #[param(range(1, 65535), default = "22")]
    pub ssh_port: i32,
    /// Where it is.
    #[param(max_length = 2048, no_empty_string, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind.
    pub r#type: Option<String>,
    /// Import images.
    #[param(default = "false")]
    pub import_images: bool,
}

/// Adds a simulator backup storage.
#[api(post "/backup-storage/simulators", group = "simulator", service = "None", package = "org.zstack.header.simulator.storage.backup", job, create, admin, reply = Inventory<BackupStorage>)]
pub struct AddSimulatorBackupStorage {
    /// Total capacity.
    #[param(default = "0")]
    pub total_capacity: i64,
    /// Available capacity.
    #[param(default = "0")]
    pub available_capacity: i64,
    /// Where it is.
    #[param(max_length = 2048, no_empty_string, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind.
    pub r#type: Option<String>,
    /// Import images.
    #[param(default = "false")]
    pub import_images: bool,
}

/// Changes what is recorded of a backup storage.
#[api(put "/backup-storage/{uuid}/actions", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", job, admin, reply = Inventory<BackupStorage>)]
pub struct UpdateBackupStorage {
    /// The id of what is meant.
    #[param(resource = "BackupStorageVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Changes what is recorded of a SFTP backup storage.
#[api(put "/backup-storage/sftp/{uuid}/actions", group = "sftp", service = "storage.backup", package = "org.zstack.storage.backup.sftp", job, admin, reply = Inventory<BackupStorage>)]
pub struct UpdateSftpBackupStorage {
    /// The account to log in as over SSH.
    #[param(max_length = 255)]
    pub username: Option<String>,
    /// The password of that account.
    #[param(max_length = 255, sensitive)]
    pub password: Option<String>,
    /// Hostname.
    #[param(max_length = 255)]
    pub hostname: Option<String>,
    /// The port of SSH.
    #[param(range(1, 65535))]
    pub ssh_port: Option<i32>,
    /// The id of what is meant.
    #[param(resource = "BackupStorageVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Enables or disables a backup storage.
#[api(put "/backup-storage/{uuid}/actions", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", job, admin, reply = Inventory<BackupStorage>)]
pub struct ChangeBackupStorageState {
    /// The id of what is meant.
    #[param(resource = "BackupStorageVO")]
    pub uuid: Uuid,
    /// What to do with its state.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Connects again the backup storage.
#[api(put "/backup-storage/{uuid}/actions", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", job, admin, reply = Inventory<BackupStorage>)]
pub struct ReconnectBackupStorage {
    /// The id of what is meant.
    #[param(resource = "BackupStorageVO")]
    pub uuid: Uuid,
}

/// Connects again the SFTP backup storage.
#[api(put "/backup-storage/sftp/{uuid}/actions", group = "sftp", service = "storage.backup.sftp", package = "org.zstack.storage.backup.sftp", job, admin, reply = Inventory<SftpBackupStorage>)]
pub struct ReconnectSftpBackupStorage {
    /// The id of what is meant.
    #[param(resource = "SftpBackupStorageVO")]
    pub uuid: Uuid,
}

/// Deletes a backup storage.
#[api(delete "/backup-storage/{uuid}", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", job, delete, admin, reply = Empty)]
pub struct DeleteBackupStorage {
    /// The id of what is meant.
    pub uuid: String,
}

/// Attaches a backup storage to a zone.
#[api(post "/zones/{zoneUuid}/backup-storage/{backupStorageUuid}", group = "zone", service = "storage.backup", package = "org.zstack.header.storage.backup", job, admin, reply = Inventory<BackupStorage>)]
pub struct AttachBackupStorageToZone {
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
    /// The backup storage.
    #[param(resource = "BackupStorageVO")]
    pub backup_storage_uuid: Uuid,
}

/// Detaches a backup storage from a zone.
#[api(delete "/zones/{zoneUuid}/backup-storage/{backupStorageUuid}", group = "zone", service = "storage.backup", package = "org.zstack.header.storage.backup", job, admin, reply = Inventory<BackupStorage>)]
pub struct DetachBackupStorageFromZone {
    /// The backup storage.
    #[param(resource = "BackupStorageVO")]
    pub backup_storage_uuid: Uuid,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
}

/// Finds backup storages.
#[api(query "/backup-storage", group = "backupStorage", service = "query", package = "org.zstack.header.storage.backup", reply = Inventories<BackupStorage>)]
pub struct QueryBackupStorage;

/// Finds SFTP backup storages.
#[api(query "/backup-storage/sftp", group = "sftp", service = "query", package = "org.zstack.storage.backup.sftp", reply = Inventories<SftpBackupStorage>)]
pub struct QuerySftpBackupStorage;

/// Answers the backup storage capacity.
#[api(get "/backup-storage/capacities", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", admin, reply = GetBackupStorageCapacityReply)]
pub struct GetBackupStorageCapacity {
    /// Zone ids.
    #[param(resource = "ZoneVO")]
    pub zone_uuids: Option<Vec<Uuid>>,
    /// The backup storages.
    #[param(resource = "BackupStorageVO")]
    pub backup_storage_uuids: Option<Vec<Uuid>>,
    /// All.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetBackupStorageCapacity`] answers.
#[reply(all)]
pub struct GetBackupStorageCapacityReply {
    /// Total capacity.
    #[member(of = "long")]
    pub total_capacity: Option<i64>,
    /// Available capacity.
    #[member(of = "long")]
    pub available_capacity: Option<i64>,
}

/// Answers the backup storage types.
#[api(get "/backup-storage/types", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", admin, reply = GetBackupStorageTypesReply)]
pub struct GetBackupStorageTypes {}

/// What [`GetBackupStorageTypes`] answers.
#[reply(members)]
pub struct GetBackupStorageTypesReply {
    /// Types.
    pub types: Vec<String>,
}
