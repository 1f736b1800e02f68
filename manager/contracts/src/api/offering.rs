//! Instance and disk offerings.

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
    /// How many processors.
    #[param(range(1, 1024))]
    pub cpu_num: i32,
    /// Memory, in bytes.
    #[param(range(1, 9223372036854775807))]
    pub memory_size: i64,
    /// Memory that is never shared with others, in bytes.
    #[param(range(0, 9223372036854775807), default = "0")]
    pub reserved_memory_size: i64,
    /// How a host is chosen.
    pub allocator_strategy: Option<String>,
    /// Where it stands in lists.
    #[param(default = "0")]
    pub sort_key: i32,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
}

/// Changes an instance offering; virtual machines made by it stay as they are.
#[api(put "/instance-offerings/{uuid}/actions", group = "instanceOffering", service = "configuration", package = "org.zstack.header.configuration", job, admin, reply = Inventory<InstanceOffering>)]
pub struct UpdateInstanceOffering {
    /// The instance offering.
    #[param(resource = "InstanceOfferingVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// How a host is chosen.
    pub allocator_strategy: Option<String>,
}

/// Enables or disables an instance offering.
#[api(put "/instance-offerings/{uuid}/actions", group = "instanceOffering", service = "configuration", package = "org.zstack.header.configuration", job, admin, reply = Inventory<InstanceOffering>)]
pub struct ChangeInstanceOfferingState {
    /// The instance offering.
    #[param(resource = "InstanceOfferingVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes an instance offering.
#[api(delete "/instance-offerings/{uuid}", group = "instanceOffering", service = "configuration", package = "org.zstack.header.configuration", job, delete, admin, reply = Empty)]
pub struct DeleteInstanceOffering {
    /// The instance offering.
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
    #[param(range(1, 9223372036854775807))]
    pub disk_size: i64,
    /// Where it stands in lists.
    #[param(default = "0")]
    pub sort_key: i32,
    /// How a primary storage is chosen.
    pub allocation_strategy: Option<String>,
    /// Its kind; follows from the call when not given.
    #[param(values("zstack"))]
    pub r#type: Option<String>,
}

/// Changes name or description of a disk offering.
#[api(put "/disk-offerings/{uuid}/actions", group = "diskOffering", service = "configuration", package = "org.zstack.header.configuration", job, admin, reply = Inventory<DiskOffering>)]
pub struct UpdateDiskOffering {
    /// The disk offering.
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
    /// The disk offering.
    #[param(resource = "DiskOfferingVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes a disk offering.
#[api(delete "/disk-offerings/{uuid}", group = "diskOffering", service = "configuration", package = "org.zstack.header.configuration", job, delete, admin, reply = Empty)]
pub struct DeleteDiskOffering {
    /// The disk offering.
    #[param(resource = "DiskOfferingVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds disk offerings.
#[api(query "/disk-offerings", group = "diskOffering", service = "query", package = "org.zstack.header.configuration", reply = Inventories<DiskOffering>)]
pub struct QueryDiskOffering;
