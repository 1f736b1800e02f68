//! Backup storages.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::{ResourceState, StorageStatus};

/// A backup storage: where images are kept.
#[resource(
    table = "backup_storage",
    java = "org.zstack.header.storage.backup.BackupStorageInventory",
    vo = "BackupStorageVO",
    seen_by(all),
    type_field = "type",
    collection(attachedZoneUuids: BackupStorageZoneRef, backupStorageUuid, zoneUuid),
    expand(hidden zoneRef: BackupStorageZoneRef, uuid = backupStorageUuid),
    expand(hidden imageRef: ImageBackupStorageRef, uuid = backupStorageUuid),
    alias(zone = "zoneRef.zone"),
    alias(image = "imageRef.image")
)]
pub struct BackupStorage {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
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
    /// Its kind.
    pub r#type: String,
    /// Whether it takes part in what is new.
    pub state: ResourceState,
    /// What it was last seen to be.
    pub status: StorageStatus,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A backup storage reached over SFTP.
#[resource(
    table = "sftp_backup_storage",
    java = "org.zstack.storage.backup.sftp.SftpBackupStorageInventory",
    vo = "SftpBackupStorageVO",
    parent(BackupStorage = "SftpBackupStorage")
)]
pub struct SftpBackupStorage {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Name or address of the machine.
    pub hostname: String,
    /// The account used over SSH.
    pub username: String,
    /// The port of SSH.
    pub ssh_port: i32,
    /// The password of that account, sealed.
    #[field(hidden)]
    pub password: String,
    /// The SSH host key seen first, as a fingerprint.
    #[field(hidden)]
    pub host_key: Option<String>,
}

/// A backup storage attached to a zone.
#[resource(
    table = "backup_storage_zone_ref",
    java = "org.zstack.header.storage.backup.BackupStorageZoneRefInventory",
    vo = "BackupStorageZoneRefVO",
    seen_by(all),
    unique(backupStorageUuid, zoneUuid),
    expand(backupStorage: BackupStorage, backupStorageUuid = uuid),
    expand(zone: Zone, zoneUuid = uuid)
)]
pub struct BackupStorageZoneRef {
    /// The backup storage.
    #[field(indexed, references = "BackupStorage", part_of = "BackupStorage")]
    pub backup_storage_uuid: Uuid,
    /// The zone it is in.
    #[field(indexed, references = "Zone", part_of = "Zone")]
    pub zone_uuid: Uuid,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
