//! Backup storages: add, change, attach to zones, remove.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::{BackupStorage, SftpBackupStorage};

/// Adds a backup storage on a machine: installs the agent on it over SSH and connects to it.
#[api(post "/backup-storage/sftp", group = "sftp", service = "storage.backup", package = "org.zstack.storage.backup.sftp", job, create, admin, reply = Inventory<BackupStorage>)]
pub struct AddSftpBackupStorage {
    /// Name or address of the machine.
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
    /// The directory on the machine.
    #[param(max_length = 2048, no_empty_string, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
    /// Whether to take over images that are there already.
    #[param(default = "false")]
    pub import_images: bool,
}

/// Adds a simulated backup storage, for tests.
#[api(post "/backup-storage/simulators", group = "simulator", service = "storage.backup", package = "org.zstack.header.simulator.storage.backup", job, create, admin, reply = Inventory<BackupStorage>)]
pub struct AddSimulatorBackupStorage {
    /// Size, in bytes.
    #[param(default = "0")]
    pub total_capacity: i64,
    /// Free, in bytes.
    #[param(default = "0")]
    pub available_capacity: i64,
    /// Any text.
    #[param(max_length = 2048, no_empty_string, sensitive)]
    pub url: String,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
    /// Whether to take over images that are there already.
    #[param(default = "false")]
    pub import_images: bool,
}

/// Changes name or description of a backup storage.
#[api(put "/backup-storage/{uuid}/actions", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", job, admin, reply = Inventory<BackupStorage>)]
pub struct UpdateBackupStorage {
    /// The backup storage.
    #[param(resource = "BackupStorageVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Changes how an SFTP backup storage is reached, its name or description.
#[api(put "/backup-storage/sftp/{uuid}/actions", group = "sftp", service = "storage.backup", package = "org.zstack.storage.backup.sftp", job, admin, reply = Inventory<BackupStorage>)]
pub struct UpdateSftpBackupStorage {
    /// The account to log in as over SSH.
    #[param(max_length = 255)]
    pub username: Option<String>,
    /// The password of that account.
    #[param(max_length = 255, sensitive)]
    pub password: Option<String>,
    /// Name or address of the machine.
    #[param(max_length = 255)]
    pub hostname: Option<String>,
    /// The port of SSH.
    #[param(range(1, 65535))]
    pub ssh_port: Option<i32>,
    /// The backup storage.
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
    /// The backup storage.
    #[param(resource = "BackupStorageVO")]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Connects to a backup storage again.
#[api(put "/backup-storage/{uuid}/actions", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", job, admin, reply = Inventory<BackupStorage>)]
pub struct ReconnectBackupStorage {
    /// The backup storage.
    #[param(resource = "BackupStorageVO")]
    pub uuid: Uuid,
}

/// Connects to an SFTP backup storage again, after bringing its agent up to date.
#[api(put "/backup-storage/sftp/{uuid}/actions", group = "sftp", service = "storage.backup.sftp", package = "org.zstack.storage.backup.sftp", job, admin, reply = Inventory<SftpBackupStorage>)]
pub struct ReconnectSftpBackupStorage {
    /// The backup storage.
    #[param(resource = "SftpBackupStorageVO")]
    pub uuid: Uuid,
}

/// Deletes a backup storage.
#[api(delete "/backup-storage/{uuid}", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", job, delete, admin, reply = Empty)]
pub struct DeleteBackupStorage {
    /// The backup storage.
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

/// Sums up the capacity of backup storages.
#[api(get "/backup-storage/capacities", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", admin, reply = GetBackupStorageCapacityReply)]
pub struct GetBackupStorageCapacity {
    /// The zones.
    #[param(resource = "ZoneVO")]
    pub zone_uuids: Option<Vec<Uuid>>,
    /// The backup storages.
    #[param(resource = "BackupStorageVO")]
    pub backup_storage_uuids: Option<Vec<Uuid>>,
    /// All there are, instead of those named.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetBackupStorageCapacity`] answers.
#[reply(all)]
pub struct GetBackupStorageCapacityReply {
    /// Size, in bytes.
    #[member(of = "long")]
    pub total_capacity: Option<i64>,
    /// Free, in bytes.
    #[member(of = "long")]
    pub available_capacity: Option<i64>,
}

/// Lists the kinds of backup storage that can be added.
#[api(get "/backup-storage/types", group = "backupStorage", service = "storage.backup", package = "org.zstack.header.storage.backup", admin, reply = GetBackupStorageTypesReply)]
pub struct GetBackupStorageTypes {}

/// What [`GetBackupStorageTypes`] answers.
#[reply(members)]
pub struct GetBackupStorageTypesReply {
    /// Their names.
    pub types: Vec<String>,
}
