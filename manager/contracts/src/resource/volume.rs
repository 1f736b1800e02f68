//! Volumes.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::{ResourceState, VolumeStatus, VolumeType};

/// A volume: a disk of a virtual machine.
#[resource(
    table = "volume",
    java = "org.zstack.header.volume.VolumeInventory",
    vo = "VolumeVO",
    owned,
    expand(vmInstance: VmInstance, vmInstanceUuid = uuid),
    expand(diskOffering: DiskOffering, diskOfferingUuid = uuid),
    expand(primaryStorage: PrimaryStorage, primaryStorageUuid = uuid),
    expand(image: Image, rootImageUuid = uuid),
    expand(localStorageHostRef: LocalStorageResourceRef, uuid = resourceUuid)
)]
pub struct Volume {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The primary storage.
    #[field(indexed, references = "PrimaryStorage")]
    pub primary_storage_uuid: Option<Uuid>,
    /// The virtual machine.
    #[field(indexed, part_of = "VmInstance")]
    pub vm_instance_uuid: Option<Uuid>,
    /// The disk offering it was made by.
    #[field(indexed)]
    pub disk_offering_uuid: Option<Uuid>,
    /// The image it was made from.
    #[field(indexed)]
    pub root_image_uuid: Option<Uuid>,
    /// Where on the storage.
    pub install_path: Option<String>,
    /// Its kind.
    pub r#type: VolumeType,
    /// Format of the file.
    pub format: Option<String>,
    /// Size as the guest sees it, in bytes.
    pub size: i64,
    /// Size on the storage, in bytes.
    pub actual_size: Option<i64>,
    /// Its place among its kind in the virtual machine.
    pub device_id: Option<i32>,
    /// Whether it takes part in what is new.
    pub state: ResourceState,
    /// What it was last seen to be.
    pub status: VolumeStatus,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// Whether several virtual machines may use it at once.
    pub is_shareable: bool,
    /// Limits on its use.
    pub volume_qos: Option<String>,
    /// When it was last detached.
    pub last_detach_date: Option<Timestamp>,
    /// The virtual machine that used it last.
    pub last_vm_instance_uuid: Option<Uuid>,
    /// When it was last attached.
    pub last_attach_date: Option<Timestamp>,
    /// How hosts reach it.
    pub protocol: Option<String>,
}
