//! APIs of group `image`.

use cumulo_derive::api;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::Image;

/// Adds an image: downloads it to backup storages.
#[api(post "/images", group = "image", service = "image", package = "org.zstack.header.image", job, create, timeout_secs = 259200, reply = Inventory<Image>)]
pub struct AddImage {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Where it is.
    #[param(max_length = 1024, sensitive)]
    pub url: String,
    /// Media type.
    #[param(values("RootVolumeTemplate", "ISO", "DataVolumeTemplate"))]
    pub media_type: Option<String>,
    /// Guest os type.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
    /// Architecture.
    #[param(max_length = 32, values("x86_64", "aarch64", "mips64el", "loongarch64"))]
    pub architecture: Option<String>,
    /// Whether it serves the system itself.
    #[param(default = "false")]
    pub system: bool,
    /// Format.
    pub format: Option<String>,
    /// Platform.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// The backup storages.
    #[param(nonempty, resource = "BackupStorageVO")]
    pub backup_storage_uuids: Vec<Uuid>,
    /// Its kind.
    pub r#type: Option<String>,
    /// Virtio.
    #[param(default = "true")]
    pub virtio: bool,
}

/// Changes what is recorded of an image.
#[api(put "/images/{uuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct UpdateImage {
    /// The id of what is meant.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Guest os type.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
    /// Media type.
    #[param(max_length = 255, values("RootVolumeTemplate", "DataVolumeTemplate", "ISO"))]
    pub media_type: Option<String>,
    /// Format.
    #[param(max_length = 255, values("raw", "qcow2", "iso"))]
    pub format: Option<String>,
    /// Whether it serves the system itself.
    pub system: Option<bool>,
    /// Platform.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// Architecture.
    #[param(max_length = 32, values("x86_64", "aarch64", "mips64el", "loongarch64"))]
    pub architecture: Option<String>,
    /// Virtio.
    pub virtio: Option<bool>,
}

/// Enables or disables an image.
#[api(put "/images/{uuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct ChangeImageState {
    /// The id of what is meant.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with its state.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Reads the size of an image anew from its backup storage.
#[api(put "/images/{uuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct SyncImageSize {
    /// The id of what is meant.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Deletes an image from backup storages; it can be recovered until it is expunged.
#[api(delete "/images/{uuid}", group = "image", service = "image", package = "org.zstack.header.image", job, delete, reply = Empty)]
pub struct DeleteImage {
    /// The id of what is meant.
    #[param(resource = "ImageVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
    /// The backup storages.
    #[param(nonempty, resource = "BackupStorageVO")]
    pub backup_storage_uuids: Option<Vec<Uuid>>,
}

/// Recovers the image.
#[api(put "/images/{imageUuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Inventory<Image>)]
pub struct RecoverImage {
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub image_uuid: Uuid,
    /// The backup storages.
    pub backup_storage_uuids: Option<Vec<String>>,
}

/// Expunges the image.
#[api(put "/images/{imageUuid}/actions", group = "image", service = "image", package = "org.zstack.header.image", job, reply = Empty)]
pub struct ExpungeImage {
    /// The id of what is meant.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub uuid: Option<Uuid>,
    /// The image.
    #[param(resource = "ImageVO", check_account, operation_target)]
    pub image_uuid: Uuid,
    /// The backup storages.
    #[param(nonempty, resource = "BackupStorageVO")]
    pub backup_storage_uuids: Option<Vec<Uuid>>,
}

/// Finds images.
#[api(query "/images", group = "image", service = "query", package = "org.zstack.header.image", reply = Inventories<Image>)]
pub struct QueryImage;
