//! APIs of group `offering`.

use cumulo_derive::api;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::{DiskOffering, InstanceOffering};

/// Creates an instance offering.
#[api(post "/instance-offerings", group = "instanceOffering", service = "configuration", package = "org.zstack.header.configuration", job, create, admin, reply = Inventory<InstanceOffering>)]
pub struct CreateInstanceOffering {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Processors.
    #[param(range(1, 1024), default = "0")]
    pub cpu_num: i32,
    /// Memory, in bytes.
    #[param(range(1, 9223372036854775807), default = "0")]
    pub memory_size: i64,
    /// Reserved memory size.
    #[param(range(0, 9223372036854775807), default = "0")]
    pub reserved_memory_size: i64,
    /// Allocator strategy.
    pub allocator_strategy: Option<String>,
    /// Where it stands in lists.
    #[param(default = "0")]
    pub sort_key: i32,
    /// Its kind.
    pub r#type: Option<String>,
}

/// Changes what is recorded of an instance offering.
#[api(put "/instance-offerings/{uuid}/actions", group = "instanceOffering", service = "configuration", package = "org.zstack.header.configuration", job, admin, reply = Inventory<InstanceOffering>)]
pub struct UpdateInstanceOffering {
    /// The id of what is meant.
    #[param(resource = "InstanceOfferingVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Allocator strategy.
    pub allocator_strategy: Option<String>,
}

/// Enables or disables an instance offering.
#[api(put "/instance-offerings/{uuid}/actions", group = "instanceOffering", service = "configuration", package = "org.zstack.header.configuration", job, admin, reply = Inventory<InstanceOffering>)]
pub struct ChangeInstanceOfferingState {
    /// The id of what is meant.
    #[param(resource = "InstanceOfferingVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with its state.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes an instance offering.
#[api(delete "/instance-offerings/{uuid}", group = "instanceOffering", service = "configuration", package = "org.zstack.header.configuration", job, delete, admin, reply = Empty)]
pub struct DeleteInstanceOffering {
    /// The id of what is meant.
    #[param(resource = "InstanceOfferingVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Finds instance offerings.
#[api(query "/instance-offerings", group = "instanceOffering", service = "query", package = "org.zstack.header.configuration", reply = Inventories<InstanceOffering>)]
pub struct QueryInstanceOffering;

/// Creates a disk offering.
#[api(post "/disk-offerings", group = "diskOffering", service = "configuration", package = "org.zstack.header.configuration", job, create, reply = Inventory<DiskOffering>)]
pub struct CreateDiskOffering {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Size, in bytes.
    #[param(range(1, 9223372036854775807), default = "0")]
    pub disk_size: i64,
    /// Where it stands in lists.
    #[param(default = "0")]
    pub sort_key: i32,
    /// Allocation strategy.
    pub allocation_strategy: Option<String>,
    /// Its kind.
    #[param(values("zstack"))]
    pub r#type: Option<String>,
}

/// Changes what is recorded of a disk offering.
#[api(put "/disk-offerings/{uuid}/actions", group = "diskOffering", service = "configuration", package = "org.zstack.header.configuration", job, admin, reply = Inventory<DiskOffering>)]
pub struct UpdateDiskOffering {
    /// The id of what is meant.
    #[param(resource = "DiskOfferingVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Enables or disables a disk offering.
#[api(put "/disk-offerings/{uuid}/actions", group = "diskOffering", service = "configuration", package = "org.zstack.header.configuration", job, admin, reply = Inventory<DiskOffering>)]
pub struct ChangeDiskOfferingState {
    /// The id of what is meant.
    #[param(resource = "DiskOfferingVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with its state.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes a disk offering.
#[api(delete "/disk-offerings/{uuid}", group = "diskOffering", service = "configuration", package = "org.zstack.header.configuration", job, delete, admin, reply = Empty)]
pub struct DeleteDiskOffering {
    /// The id of what is meant.
    #[param(resource = "DiskOfferingVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds disk offerings.
#[api(query "/disk-offerings", group = "diskOffering", service = "query", package = "org.zstack.header.configuration", reply = Inventories<DiskOffering>)]
pub struct QueryDiskOffering;
