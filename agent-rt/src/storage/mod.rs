//! Disk image files, as the host agent and the storage agent both handle them.
//!
//! Files are handled below storage roots that the manager declared, and nowhere else ([`Roots`]); what touches the disk
//! is behind [`Disks`], with `qemu-img` in the real one. New files appear under a partial name and are renamed when
//! they are whole, so that a file with its final name can be trusted after a crash.

mod capacity;
mod digest;
mod error;
#[cfg(feature = "sim")]
mod fake;
mod flatten;
mod lend;
mod partial;
mod qemu_img;
mod roots;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cumulo_proto::StorageCapacity;

pub use digest::Digester;
pub use error::StorageError;
#[cfg(feature = "sim")]
pub use fake::{FakeDisks, FakeFile};
pub use partial::Partial;
pub use qemu_img::QemuImg;
pub use roots::{Confined, Roots};

/// What a disk image file is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct ImageInfo {
    /// Size the guest sees, bytes.
    pub virtual_size: u64,
    /// Bytes on disk.
    pub actual_size: u64,
    /// `qcow2`, `raw`, or whatever else `qemu-img` recognised.
    pub format: String,
    /// The file it is an overlay of, as written in it.
    pub backing: Option<PathBuf>,
    /// Whether its data is in yet another file.
    pub external_data: bool,
    /// Whether it is a CD image; those are `raw`.
    pub iso: bool,
}

impl ImageInfo {
    /// Whether the file is an image by itself: not an overlay, and not a mere description of another file. What comes
    /// from outside must be, or a guest could read files of the host through it.
    pub fn is_whole(&self) -> bool {
        self.backing.is_none() && !self.external_data
    }

    /// What an image by itself is; sizes in bytes.
    #[cfg(feature = "sim")]
    pub fn whole(format: &str, virtual_size: u64, actual_size: u64) -> Self {
        let format = format.to_owned();
        Self { virtual_size, actual_size, format, backing: None, external_data: false, iso: false }
    }
}

/// Checksums of a file, lower-case hex.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256.
    pub sha256: String,
    /// MD5, for those who still publish that.
    pub md5: String,
}

/// Formats that volumes are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum DiskFormat {
    /// QEMU's copy-on-write format.
    Qcow2,
    /// The bytes as they are.
    Raw,
}

impl DiskFormat {
    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Qcow2, Self::Raw].into_iter().find(|format| format.name() == name)
    }

    /// As `qemu-img` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
        }
    }
}

/// A disk image to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewDisk {
    /// Empty.
    Empty {
        /// Its format.
        format: DiskFormat,
        /// Bytes.
        size: u64,
    },
    /// A qcow2 overlay.
    Overlay {
        /// What is below it.
        backing: PathBuf,
        /// The format of that.
        backing_format: String,
        /// Bytes; at least the size of what is below it.
        size: u64,
    },
}

/// The door to the disk.
#[async_trait]
pub trait Disks: Send + Sync {
    /// Makes sure the folder of a root exists.
    async fn ensure_root(&self, root: &Path) -> Result<(), StorageError>;

    /// Space of the file system that holds `root`.
    async fn capacity(&self, root: &Path) -> Result<StorageCapacity, StorageError>;

    /// What the image file is; `None` where there is no such file. Files with backing files are opened without them.
    async fn info(&self, file: &Confined) -> Result<Option<ImageInfo>, StorageError>;

    /// Makes an image file, with the folders above it, in place of one that has its name: at once or not at all.
    async fn create(&self, file: &Confined, disk: &NewDisk) -> Result<(), StorageError>;

    /// Makes sure the file and its partial one are gone, and folders that this leaves empty, up to the root's.
    async fn remove(&self, file: &Confined) -> Result<(), StorageError>;

    /// Gives a file its final name, replacing what has it.
    async fn rename(&self, from: &Confined, to: &Confined) -> Result<(), StorageError>;

    /// Writes what the volume `from` of format `format` shows its guest, with all that is below it, to a qcow2 file `to`
    /// that needs no other; that appears when it is whole. Tells how far it is, in percent. Dropped, it stops.
    async fn flatten(
        &self,
        from: &Confined,
        format: DiskFormat,
        to: &Confined,
        progress: &(dyn Fn(u32) + Send + Sync),
    ) -> Result<(), StorageError>;

    /// Makes an empty file that the account `user` of this host may write, with the folders above it, in place of one that
    /// has its name.
    async fn lend(&self, file: &Confined, user: &str) -> Result<(), StorageError>;

    /// Takes a lent file back, with what was written safely on the disk.
    async fn reclaim(&self, file: &Confined) -> Result<(), StorageError>;

    /// Reads a file through for its checksums.
    async fn digests(&self, file: &Confined) -> Result<Digests, StorageError>;

    /// Version of the tool behind the door.
    async fn version(&self) -> Result<String, StorageError>;
}

/// Makes sure `file` is an image as `disk` says; one that is there already is left as it is.
///
/// # Errors
/// [`StorageError::Different`] where another kind of file is in the way.
pub async fn ensure(disks: &dyn Disks, file: &Confined, disk: &NewDisk) -> Result<ImageInfo, StorageError> {
    if let Some(info) = disks.info(file).await? {
        return if fits(&info, disk) {
            Ok(info)
        } else {
            Err(StorageError::Different { path: file.path().to_owned() })
        };
    }
    replace(disks, file, disk).await
}

/// Makes `file` an image as `disk` says, whatever it was.
///
/// # Errors
/// When it cannot be made; it is what it was then.
pub async fn replace(disks: &dyn Disks, file: &Confined, disk: &NewDisk) -> Result<ImageInfo, StorageError> {
    disks.create(file, disk).await?;
    disks.info(file).await?.ok_or_else(|| StorageError::Vanished { path: file.path().to_owned() })
}

/// Volumes may have grown since they were made.
fn fits(info: &ImageInfo, disk: &NewDisk) -> bool {
    match disk {
        NewDisk::Empty { format, size } => {
            info.format == format.name() && info.backing.is_none() && info.virtual_size >= *size
        }
        NewDisk::Overlay { backing, size, .. } => {
            info.format == "qcow2" && info.backing.as_ref() == Some(backing) && info.virtual_size >= *size
        }
    }
}
