//! Images.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::{ImageMediaType, ImageStatus, ResourceState};

/// An image: what the disks of virtual machines start from.
#[resource(
    table = "image",
    java = "org.zstack.header.image.ImageInventory",
    vo = "ImageVO",
    owned,
    shareable,
    nested(backupStorageRefs: ImageBackupStorageRef, uuid = imageUuid),
    nested(systemTags: SystemTag, uuid = resourceUuid),
    expand(hidden backupStorageRef: ImageBackupStorageRef, uuid = imageUuid),
    expand(backupStorageRefs: ImageBackupStorageRef, uuid = imageUuid),
    expand(volume: Volume, uuid = rootImageUuid),
    alias(backupStorage = "backupStorageRef.backupStorage")
)]
pub struct Image {
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
    /// What it was last seen to be.
    pub status: ImageStatus,
    /// Size as the guest sees it, in bytes.
    pub size: i64,
    /// Size on the storage, in bytes.
    pub actual_size: i64,
    /// MD5 of its content, in hex.
    pub md5_sum: Option<String>,
    /// Where it is or came from.
    pub url: String,
    /// What is in it.
    pub media_type: ImageMediaType,
    /// The operating system in it.
    pub guest_os_type: Option<String>,
    /// Its kind.
    pub r#type: String,
    /// The family of that system.
    pub platform: Option<String>,
    /// Processor architecture.
    pub architecture: Option<String>,
    /// Format of the file.
    pub format: String,
    /// Whether it serves the system itself.
    pub system: bool,
    /// Whether the guest has virtio drivers.
    pub virtio: bool,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// SHA-256 of its content, in hex.
    #[field(hidden)]
    pub sha256: Option<String>,
}

/// An image on a backup storage.
#[resource(
    table = "image_backup_storage_ref",
    java = "org.zstack.header.image.ImageBackupStorageRefInventory",
    vo = "ImageBackupStorageRefVO",
    seen_by(user = imageUuid),
    unique(imageUuid, backupStorageUuid),
    expand(image: Image, imageUuid = uuid),
    expand(backupStorage: BackupStorage, backupStorageUuid = uuid)
)]
pub struct ImageBackupStorageRef {
    /// The image.
    #[field(indexed, references = "Image", part_of = "Image")]
    pub image_uuid: Uuid,
    /// The backup storage.
    #[field(indexed, references = "BackupStorage", part_of = "BackupStorage")]
    pub backup_storage_uuid: Uuid,
    /// Where on the storage.
    pub install_path: String,
    /// What it was last seen to be.
    pub status: ImageStatus,
    /// MD5 of the exported file.
    pub export_md5_sum: Option<String>,
    /// Where it is exported.
    pub export_url: Option<String>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
