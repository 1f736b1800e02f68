//! Instance and disk offerings.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::ResourceState;

/// An instance offering: how many processors and how much memory a virtual machine gets.
#[resource(
    table = "instance_offering",
    java = "org.zstack.header.configuration.InstanceOfferingInventory",
    vo = "InstanceOfferingVO",
    owned,
    shareable,
    expand(vmInstance: VmInstance, uuid = instanceOfferingUuid)
)]
pub struct InstanceOffering {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Processors.
    pub cpu_num: i32,
    /// Processor speed, in MHz.
    pub cpu_speed: i32,
    /// Memory, in bytes.
    pub memory_size: i64,
    /// Memory that is never shared, in bytes.
    pub reserved_memory_size: i64,
    /// Its kind.
    pub r#type: String,
    /// How a place is chosen for it.
    pub allocator_strategy: String,
    /// Where it stands in lists.
    pub sort_key: i32,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// Whether it takes part in what is new.
    pub state: ResourceState,
}

/// A disk offering: how large a volume is.
#[resource(
    table = "disk_offering",
    java = "org.zstack.header.configuration.DiskOfferingInventory",
    vo = "DiskOfferingVO",
    owned,
    shareable,
    expand(volume: Volume, uuid = diskOfferingUuid)
)]
pub struct DiskOffering {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Size, in bytes.
    pub disk_size: i64,
    /// Where it stands in lists.
    pub sort_key: i32,
    /// Whether it takes part in what is new.
    pub state: ResourceState,
    /// Its kind.
    pub r#type: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// How a place is chosen for it.
    pub allocator_strategy: String,
}
