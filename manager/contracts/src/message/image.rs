//! Asked of the image service.

use cumulo_schema::{Uuid, message};
use serde::{Deserialize, Serialize};

/// Where to fetch an image from, for somebody in a zone. Only answers; changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LocateImage {
    /// The image. It must be ready and enabled.
    pub image: Uuid,
    /// Only backup storages attached to this zone count.
    pub zone: Uuid,
}
message!(LocateImage => ImageLocation, service = "image", key = image);

/// A copy of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageLocation {
    /// The image.
    pub image: Uuid,
    /// The backup storage it is on.
    pub backup_storage: Uuid,
    /// The type of that: the name of its [`crate::ext::storage::BackupStorageDriver`].
    pub backup_storage_type: String,
    /// Where on it.
    pub install_path: String,
    /// Size as the guest sees it, in bytes.
    pub size: i64,
    /// Size of the file, in bytes.
    pub actual_size: i64,
    /// `qcow2`, `raw`, `iso`.
    pub format: String,
    /// SHA-256 of the file in lowercase hex, where known.
    pub sha256: Option<String>,
}

impl ImageLocation {
    /// Whether it is an ISO image: nothing to make a volume of, but to install one from.
    #[must_use]
    pub fn is_iso(&self) -> bool {
        self.format == "iso"
    }
}
