//! Images.

use cumulo_derive::api;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::{BackupStorage, Image};

/// Adds an image: downloads it to backup storages.
#[api(post "/images", group = "image", service = "image", package = "org.zstack.header.image", job, create, timeout_secs = 259200, reply = Inventory<Image>)]
pub struct AddImage {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Where to download it from: `http`, `https` or `file`.
    #[param(max_length = 1024, sensitive)]
    pub url: String,
    /// What is in it: a root volume, a data volume or a CD.
    #[param(values("RootVolumeTemplate", "ISO", "DataVolumeTemplate"))]
    pub media_type: Option<String>,
    /// The operating system.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
    /// Processor architecture.
    #[param(max_length = 32, values("x86_64", "aarch64", "mips64el", "loongarch64"))]
    pub architecture: Option<String>,
    /// Whether it serves the system itself.
    #[param(default = "false")]
    pub system: bool,
    /// The format of the file.
    pub format: Option<String>,
    /// The family of the operating system.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// The backup storages to keep it on.
    #[param(nonempty, resource = "BackupStorageVO")]
    pub backup_storage_uuids: Vec<Uuid>,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
    /// Whether the guest has virtio drivers.
    #[param(default = "true")]
    pub virtio: bool,
}

/// Makes an image of the root volume of a stopped virtual machine.
#[api(post "/images/root-volume-templates/from/volumes/{rootVolumeUuid}", group = "image", service = "image", package = "org.zstack.header.image", job, create, timeout_secs = 259200, reply = Inventory<Image>)]
pub struct CreateRootVolumeTemplateFromRootVolume {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The operating system; that of the virtual machine when not given.
    pub guest_os_type: Option<String>,
    /// The backup storages to keep it on; the emptiest that can take it when not given.
    #[param(nonempty, resource = "BackupStorageVO")]
    pub backup_storage_uuids: Option<Vec<Uuid>>,
    /// The volume.
    #[param(resource = "VolumeVO", check_account, operation_target)]
    pub root_volume_uuid: Uuid,
    /// The family of the operating system; that of the virtual machine when not given.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// Whether it serves the system itself.
    #[param(default = "false")]
    pub system: bool,
    /// Processor architecture; that of the virtual machine when not given.
    pub architecture: Option<String>,
    /// Whether the guest has virtio drivers.
    #[param(default = "true")]
    pub virtio: bool,
}

/// Changes what is recorded of an image; its file stays as it is.
#[api(put "/images/{uuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct UpdateImage {
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The operating system.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
    /// What is in it: a root volume, a data volume or a CD.
    #[param(max_length = 255, values("RootVolumeTemplate", "DataVolumeTemplate", "ISO"))]
    pub media_type: Option<String>,
    /// The format of the file.
    #[param(max_length = 255, values("raw", "qcow2", "iso"))]
    pub format: Option<String>,
    /// Whether it serves the system itself.
    pub system: Option<bool>,
    /// The family of the operating system.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// Processor architecture.
    #[param(max_length = 32, values("x86_64", "aarch64", "mips64el", "loongarch64"))]
    pub architecture: Option<String>,
    /// Whether the guest has virtio drivers.
    pub virtio: Option<bool>,
}

/// Enables or disables an image.
#[api(put "/images/{uuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct ChangeImageState {
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Says whether a BIOS or UEFI boots the virtual machines that are made of an image from now on.
#[api(put "/images/{uuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Empty)]
pub struct SetImageBootMode {
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// `Legacy` or `UEFI`.
    #[param(values("Legacy", "UEFI", "UEFI_WITH_CSM"))]
    pub boot_mode: String,
}

/// Reads the size of an image anew from its backup storage.
#[api(put "/images/{uuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct SyncImageSize {
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Deletes an image from backup storages; it can be recovered until it is expunged.
#[api(delete "/images/{uuid}", group = "image", service = "image", package = "org.zstack.header.image", job, delete, reply = Empty)]
pub struct DeleteImage {
    /// The image.
    #[param(resource = "ImageVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
    /// Only from these backup storages.
    #[param(nonempty, resource = "BackupStorageVO")]
    pub backup_storage_uuids: Option<Vec<Uuid>>,
}

/// Brings back a deleted image that is not expunged yet.
#[api(put "/images/{imageUuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct RecoverImage {
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub image_uuid: Uuid,
    /// Only on these backup storages.
    pub backup_storage_uuids: Option<Vec<String>>,
}

/// Removes a deleted image and its files for good.
#[api(put "/images/{imageUuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Empty)]
pub struct ExpungeImage {
    /// Unused; accepted from old clients.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Option<Uuid>,
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub image_uuid: Uuid,
    /// Only on these backup storages.
    #[param(nonempty, resource = "BackupStorageVO")]
    pub backup_storage_uuids: Option<Vec<Uuid>>,
}

/// Lists the backup storages that an image of a volume can be put on.
#[api(get "/images/candidate-backup-storage", also = "/images/volumes/{volumeUuid}/candidate-backup-storage", also = "/images/volume-snapshots/{volumeSnapshotUuid}/candidate-backup-storage", group = "image", service = "host.allocator", package = "org.zstack.header.image", reply = Inventories<BackupStorage>)]
pub struct GetCandidateBackupStorageForCreatingImage {
    /// The volume.
    #[param(resource = "VolumeVO", check_account)]
    pub volume_uuid: Option<Uuid>,
    /// Its snapshot, for an image of what the volume was.
    #[param(resource = "VolumeSnapshotVO")]
    pub volume_snapshot_uuid: Option<Uuid>,
}

/// Finds images.
#[api(query "/images", group = "image", service = "query", package = "org.zstack.header.image", reply = Inventories<Image>)]
pub struct QueryImage;
