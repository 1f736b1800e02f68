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
    Sftp(SftpFile),
}

/// A file on an SFTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SftpFile {
    /// Name or address.
    pub hostname: String,
    /// Port of SSH.
    pub port: i32,
    /// Account.
    pub username: String,
    /// Its password, sealed by the vault.
    pub sealed_password: String,
    /// Fingerprint of the host's key, where known.
    pub host_key: Option<String>,
    /// Absolute path there.
    pub path: String,
}

/// A way by which a file gets from a primary storage to a backup storage. Both must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// A host writes it over SFTP.
    Sftp,
    /// Between simulated storages there is nothing to be moved.
    Simulated,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sftp => "SFTP",
            Self::Simulated => "simulation",
        })
    }
}

/// Where a host can put a file on a backup storage: a [`Transport`] with what that needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadTo {
    /// Over SFTP, into a file that is there and empty.
    Sftp(SftpFile),
    /// To a simulated storage.
    Simulated,
}

/// Makes images of volumes: what a [`PrimaryStorageDriver`] can do beside, under the same name. The volume's image is first
/// a *flat* file beside the volume, known by the image's id, and then on as many backup storages as are wanted.
#[async_trait]
pub trait VolumeExporter: Send + Sync {
    /// How it can give files to backup storages.
    fn transports(&self) -> &'static [Transport];
    /// Writes what a volume of a VM that does not run holds, with all that is below it, to one file. There already, it is
    /// left as it is.
    async fn flatten(&self, storage: &PrimaryStorage, volume: &FlatVolume, task: Uuid) -> Result<Stored, ErrorCode>;
    /// Copies the flat file to a backup storage and answers the SHA-256 of what it sent, in lowercase hex.
    async fn upload(
        &self,
        storage: &PrimaryStorage,
        volume: &FlatVolume,
        to: &UploadTo,
        task: Uuid,
    ) -> Result<String, ErrorCode>;
    /// Makes sure that the flat file is gone.
    async fn drop_flat(&self, storage: &PrimaryStorage, volume: &FlatVolume, task: Uuid) -> Result<(), ErrorCode>;
}

/// A volume of which an image is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatVolume {
    /// Where the volume is.
    pub place: VolumePlace,
    /// The VM it is of.
    pub vm: Uuid,
    /// Its format: `qcow2` or `raw`.
    pub format: String,
    /// The image that it becomes.
    pub image: Uuid,
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

/// What an upload should have become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// What the flat file is.
    pub flat: Stored,
    /// SHA-256 of what was sent, in lowercase hex.
    pub sha256: String,
}

/// Takes images that hosts bring: what a [`BackupStorageDriver`] can do beside, under the same name. What it took goes as any
/// image does, half or whole.
#[async_trait]
pub trait ImageReceiver: Send + Sync {
    /// How it takes files.
    fn transport(&self) -> Transport;
    /// Makes room for an image of `flat`, which will be at `install_path` once it is accepted. What an earlier attempt left is
    /// gone then.
    async fn open(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        install_path: &str,
        flat: &Stored,
        task: Uuid,
    ) -> Result<UploadTo, ErrorCode>;
    /// Makes an image of what was brought, if it is as it was sent. Accepted already, it is only looked at.
    async fn accept(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        install_path: &str,
        uploaded: &Uploaded,
        task: Uuid,
    ) -> Result<StoredImage, ErrorCode>;
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
