//! Storage drivers.

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

use crate::{
    message::image::ImageLocation,
    resource::{BackupStorage, Image, PrimaryStorage},
};

/// A user tag that a primary storage should carry to be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageTag {
    /// The tag.
    pub tag: String,
    /// Whether storages without it are refused, or only come later.
    pub required: bool,
}

/// Size of a storage, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// All of it.
    pub total: i64,
    /// What is free.
    pub available: i64,
}

/// What was made on a storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Size as the guest sees it, in bytes.
    pub size: i64,
    /// Size on the storage, in bytes.
    pub actual_size: i64,
    /// `qcow2`, `raw`, `iso`.
    pub format: String,
}

/// A volume to be made or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePlace {
    /// The volume.
    pub volume: Uuid,
    /// The host that uses it, or the one whose disk it is on.
    pub host: Uuid,
    /// Path on the storage.
    pub install_path: String,
}

/// Keeps volumes. The driver's name is the primary storage type: `LocalStorage`.
#[async_trait]
pub trait PrimaryStorageDriver: Send + Sync {
    /// Makes the storage usable on a host and reads its size there. Called when it is attached to a cluster and when a host
    /// connects.
    async fn connect_host(&self, storage: &PrimaryStorage, host: Uuid) -> Result<Capacity, ErrorCode>;
    /// Where a volume will be: only computes.
    fn volume_path(&self, storage: &PrimaryStorage, account: Uuid, volume: Uuid) -> String;
    /// Whether each host has space of its own, to be counted per host.
    fn is_per_host(&self) -> bool;
    /// Makes a volume from an image, fetching the image into the cache where it is not.
    async fn create_from_image(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        image: &ImageLocation,
        size: Option<i64>,
        task: Uuid,
    ) -> Result<Stored, ErrorCode>;
    /// Makes a volume what its image says again, whatever is in it: at once or not at all. Nobody uses it meanwhile.
    async fn reset_to_image(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        image: &ImageLocation,
        size: i64,
        task: Uuid,
    ) -> Result<Stored, ErrorCode>;
    /// Makes a volume of `size` bytes without content.
    async fn create_empty(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        size: i64,
        task: Uuid,
    ) -> Result<Stored, ErrorCode>;
    /// Makes sure an ISO image can be read on a host, fetching it into the cache where it is not, and answers its path there.
    async fn fetch_iso(
        &self,
        storage: &PrimaryStorage,
        host: Uuid,
        image: &ImageLocation,
        task: Uuid,
    ) -> Result<String, ErrorCode>;
    /// Makes sure a volume is gone.
    async fn delete(&self, storage: &PrimaryStorage, place: &VolumePlace, task: Uuid) -> Result<(), ErrorCode>;
}

/// How a host can fetch a file from a backup storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FetchFrom {
    /// Over SFTP.
    Sftp {
        /// Name or address.
        hostname: String,
        /// Port of SSH.
        port: i32,
        /// Account.
        username: String,
        /// Its password, sealed by the vault.
        sealed_password: String,
        /// Fingerprint of the host's key, where known.
        host_key: Option<String>,
        /// Absolute path there.
        path: String,
    },
}

/// What an image is once it is on a backup storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImage {
    /// What it is.
    pub stored: Stored,
    /// MD5 in lowercase hex.
    pub md5: String,
    /// SHA-256 in lowercase hex.
    pub sha256: String,
}

/// Keeps images. The driver's name is the backup storage type: `SftpBackupStorage`.
#[async_trait]
pub trait BackupStorageDriver: Send + Sync {
    /// Installs or updates the agent, where `deploy`, connects to it and reads the size. Converges.
    async fn connect(&self, storage: &BackupStorage, deploy: bool) -> Result<Capacity, ErrorCode>;
    /// Whether it answers.
    async fn ping(&self, storage: &BackupStorage) -> Result<(), ErrorCode>;
    /// Where an image will be: only computes. `format` is `qcow2`, `raw` or `iso`.
    fn image_path(&self, storage: &BackupStorage, account: Uuid, image: Uuid, format: &str) -> String;
    /// Downloads an image from its URL to `install_path`. There already, it is only looked at.
    async fn download(
        &self,
        storage: &BackupStorage,
        image: &Image,
        install_path: &str,
        task: Uuid,
    ) -> Result<StoredImage, ErrorCode>;
    /// Makes sure an image is gone.
    async fn delete(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        install_path: &str,
        task: Uuid,
    ) -> Result<(), ErrorCode>;
    /// How hosts fetch from it.
    async fn fetch_from(&self, storage: &BackupStorage, install_path: &str) -> Result<FetchFrom, ErrorCode>;
    /// Forgets the storage: connections, certificates.
    async fn disconnect(&self, storage: Uuid) -> Result<(), ErrorCode>;
}
