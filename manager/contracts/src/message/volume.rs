//! Asked of the volume service.

use cumulo_schema::{Uuid, message};
use serde::{Deserialize, Serialize};

use crate::ext::storage::{StorageTag, Stored, Transport, UploadTo, VolumePlace};

/// Make the root volume of a VM, from an image or empty for the ISO image that is installed to it: choose storage, hold space, record it, make it. Asking again for the same
/// volume goes on where it stopped and answers the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateRootVolume {
    /// The volume's id.
    pub volume: Uuid,
    /// The VM it is of.
    pub vm: Uuid,
    /// Who owns it.
    pub account: Uuid,
    /// Its name.
    pub name: String,
    /// The image.
    pub image: Uuid,
    /// The host where the VM will start.
    pub host: Uuid,
    /// The zone of that host.
    pub zone: Uuid,
    /// Size as the guest sees it, in bytes; the image's where absent, which that of an ISO image cannot be.
    pub size: Option<i64>,
    /// Only on this primary storage.
    pub primary_storage: Option<Uuid>,
    /// What its primary storage should carry.
    #[serde(default)]
    pub storage_tags: Vec<StorageTag>,
    /// Namespace for ids of agent tasks: the same while a flow step is the same.
    pub task: Uuid,
}
message!(CreateRootVolume => VolumeOnHost, service = "volume", key = volume);

/// Make the root volume of a VM that does not run what its image says again, as large as it is; what is in it is lost. All of
/// that happens or nothing. Asking again does it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResetRootVolume {
    /// The volume.
    pub volume: Uuid,
    /// The zone of its VM.
    pub zone: Uuid,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(ResetRootVolume => (), service = "volume", key = volume);

/// A volume, as a hypervisor needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeOnHost {
    /// The volume.
    pub volume: Uuid,
    /// Path on the host.
    pub path: String,
    /// `qcow2` or `raw`.
    pub format: String,
    /// Its place in the VM; the root is 0.
    pub device_id: i32,
}

/// The volumes of a VM, as the hypervisor of a host needs to know them. Only answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolumesOfVm {
    /// The VM.
    pub vm: Uuid,
}
message!(VolumesOfVm => Vec<VolumeOnHost>, service = "volume", key = vm);

/// Make an ISO image readable on a host and answer its path there. Asking again fetches nothing more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FetchIso {
    /// The image.
    pub image: Uuid,
    /// The host where a VM reads it.
    pub host: Uuid,
    /// The zone of that host.
    pub zone: Uuid,
    /// The primary storage that keeps the copy.
    pub primary_storage: Uuid,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(FetchIso => String, service = "volume", key = image);

/// How an image can be made of a root volume; an error where it cannot. Says nothing of whether its VM runs. Only answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LocateRootVolume {
    /// The volume.
    pub volume: Uuid,
}
message!(LocateRootVolume => RootVolume, service = "volume", key = volume);

/// A root volume of which an image can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootVolume {
    /// The primary storage that it is on.
    pub storage: Uuid,
    /// The zone of that.
    pub zone: Uuid,
    /// Where it is there.
    pub place: VolumePlace,
    /// The VM it is of.
    pub vm: Uuid,
    /// `qcow2` or `raw`.
    pub format: String,
    /// How the storage gives files to backup storages.
    pub transports: Vec<Transport>,
}

/// Write what the root volume of a VM that does not run holds to one file beside it, out of which an image is made. Asking
/// again answers the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MakeFlatVolume {
    /// The image.
    pub image: Uuid,
    /// The volume.
    pub from: RootVolume,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(MakeFlatVolume => Stored, service = "volume", key = image);

/// Copy that file to a backup storage and answer the SHA-256 of what was sent. Asking again copies it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UploadFlatVolume {
    /// The image.
    pub image: Uuid,
    /// The volume.
    pub from: RootVolume,
    /// Where to.
    pub to: UploadTo,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(UploadFlatVolume => String, service = "volume", key = image);

/// Make sure that file is gone. Gone with its host or its storage is fine; what became of the volume does not matter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DropFlatVolume {
    /// The image.
    pub image: Uuid,
    /// The volume.
    pub from: RootVolume,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(DropFlatVolume => (), service = "volume", key = image);

/// Make sure a volume is gone: from the storage, with its space given back, and from the database. Gone is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExpungeVolume {
    /// The volume.
    pub volume: Uuid,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(ExpungeVolume => (), service = "volume", key = volume);

/// The VM of a volume goes off the record, and the volume is to go, but may be owed still: it stays recorded without the VM,
/// with its space, until it is expunged. Gone is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutliveVm {
    /// The volume.
    pub volume: Uuid,
}
message!(OutliveVm => (), service = "volume", key = volume);

/// As [`ExpungeVolume`], for many volumes at once. Answers the first failure, after all were tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExpungeVolumes {
    /// The volumes.
    pub volumes: Vec<Uuid>,
    /// Primary storages that go for good, with their files left where they are.
    pub abandoned: Vec<Uuid>,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(ExpungeVolumes => (), service = "volume");
