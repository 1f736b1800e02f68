//! Asked of the primary storage service.

use cumulo_schema::{Event, StateChange, Uuid, message};
use serde::{Deserialize, Serialize};

use crate::{ext::storage::StorageTag, resource::StorageStatus};

/// Choose a primary storage that a host sees and hold space for a volume there. Asking again for the same volume answers
/// the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AllocateVolumeSpace {
    /// The volume.
    pub volume: Uuid,
    /// Who will own it; part of its path.
    pub account: Uuid,
    /// Its size as the guest sees it, in bytes.
    pub size: i64,
    /// The host that will use it.
    pub host: Uuid,
    /// The image it starts from; its cached copy needs space too.
    pub image: Option<Uuid>,
    /// Only this one.
    pub primary_storage: Option<Uuid>,
    /// What it should carry.
    #[serde(default)]
    pub storage_tags: Vec<StorageTag>,
}
message!(AllocateVolumeSpace => VolumeSpace, service = "storage.primary", key = volume);

/// Space that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpace {
    /// The primary storage.
    pub primary_storage: Uuid,
    /// Its type: the name of its [`crate::ext::storage::PrimaryStorageDriver`].
    pub primary_storage_type: String,
    /// Where the volume will be on it.
    pub install_path: String,
    /// The host to work on it from; where each host has space of its own, the one whose space it is.
    pub host: Uuid,
}

/// The primary storages that would take a volume on one of some hosts. Holds nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CandidateStorages {
    /// The size of the volume as the guest sees it, in bytes.
    pub size: i64,
    /// The image it starts from; its cached copy needs space too.
    pub image: Option<Uuid>,
    /// The hosts.
    pub hosts: Vec<Uuid>,
    /// What it should carry.
    pub storage_tags: Vec<StorageTag>,
}
message!(CandidateStorages => Vec<Uuid>, service = "storage.primary");

/// Give back the space held for a volume. Nothing held is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseVolumeSpace {
    /// The volume.
    pub volume: Uuid,
}
message!(ReleaseVolumeSpace => (), service = "storage.primary", key = volume);

/// Where the space of a volume is held; `None` where none is. Only answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LocateVolumeSpace {
    /// The volume.
    pub volume: Uuid,
}
message!(LocateVolumeSpace => Option<VolumeSpace>, service = "storage.primary", key = volume);

/// Hold space for the copy of an image in the cache of a primary storage. Asking again holds nothing more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoldCacheSpace {
    /// The primary storage.
    pub primary_storage: Uuid,
    /// The host on which the copy is.
    pub host: Uuid,
    /// The image.
    pub image: Uuid,
    /// Size of the copy, in bytes.
    pub size: i64,
}
message!(HoldCacheSpace => (), service = "storage.primary", key = primary_storage);

/// Give back the space held for the copy of an image. Nothing held is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseCacheSpace {
    /// The primary storage.
    pub primary_storage: Uuid,
    /// The host on which the copy was.
    pub host: Uuid,
    /// The image.
    pub image: Uuid,
}
message!(ReleaseCacheSpace => (), service = "storage.primary", key = primary_storage);

/// A primary storage can be used, or cannot any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimaryStorageStatusChanged {
    /// The primary storage.
    #[serde(rename = "primaryStorageUuid")]
    pub primary_storage: Uuid,
    /// What it was.
    #[serde(rename = "oldStatus")]
    pub old: StorageStatus,
    /// What it is now.
    #[serde(rename = "newStatus")]
    pub new: StorageStatus,
}
impl Event for PrimaryStorageStatusChanged {
    const NAME: &'static str = "PrimaryStorageStatusChanged";
    const PATH: Option<&'static str> = Some("/primaryStorage/status/change");

    fn change(&self) -> Option<StateChange> {
        Some(StateChange { resource: self.primary_storage, old: self.old.to_string(), new: self.new.to_string() })
    }
}
