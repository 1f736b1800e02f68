//! APIs of group `vm`.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

use crate::resource::{VmCdRom, VmInstance, VmNic};

/// Creates a virtual machine.
#[api(post "/vm-instances", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, create, timeout_secs = 43200, reply = Inventory<VmInstance>)]
pub struct CreateVmInstance {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// The instance offering.
    #[param(resource = "InstanceOfferingVO", check_account)]
    pub instance_offering_uuid: Option<Uuid>,
    /// Processors.
    pub cpu_num: Option<i32>,
    /// Memory, in bytes.
    pub memory_size: Option<i64>,
    /// Reserved memory size.
    #[param(range(0, 9223372036854775807))]
    pub reserved_memory_size: Option<i64>,
    /// The image.
    #[param(no_empty_string, resource = "ImageVO", check_account)]
    pub image_uuid: Option<Uuid>,
    /// L3 network ids.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Option<Vec<Uuid>>,
    /// Vm nic params.
    pub vm_nic_params: Option<String>,
    /// Its kind.
    #[param(values("UserVm", "ApplianceVm"))]
    pub r#type: Option<String>,
    /// Root disk offering id.
    #[param(resource = "DiskOfferingVO", check_account)]
    pub root_disk_offering_uuid: Option<Uuid>,
    /// Root disk size.
    pub root_disk_size: Option<i64>,
    /// Data disk sizes.
    pub data_disk_sizes: Option<Vec<i64>>,
    /// Data disk offering ids.
    #[param(resource = "DiskOfferingVO", check_account)]
    pub data_disk_offering_uuids: Option<Vec<Uuid>>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Option<Uuid>,
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Option<Uuid>,
    /// The host.
    #[param(resource = "HostVO")]
    pub host_uuid: Option<Uuid>,
    /// Primary storage id for root volume.
    #[param(resource = "PrimaryStorageVO")]
    pub primary_storage_uuid_for_root_volume: Option<Uuid>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Default l3 network id.
    pub default_l3_network_uuid: Option<String>,
    /// Strategy.
    #[param(values("InstantStart", "JustCreate", "CreateStopped"), default = "InstantStart")]
    pub strategy: String,
    /// Root volume system tags.
    pub root_volume_system_tags: Option<Vec<String>>,
    /// Data volume system tags.
    pub data_volume_system_tags: Option<Vec<String>>,
    /// Data volume system tags on index.
    pub data_volume_system_tags_on_index: Option<BTreeMap<String, Vec<String>>>,
    /// Ssh key pair ids.
    pub ssh_key_pair_uuids: Option<Vec<String>>,
    /// Platform.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// Guest os type.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
    /// Architecture.
    #[param(max_length = 32, values("x86_64", "aarch64", "mips64el", "loongarch64"))]
    pub architecture: Option<String>,
    /// Virtio.
    pub virtio: Option<bool>,
    /// Disk a os.
    #[param(json = "List<DiskAO>")]
    pub disk_a_os: Option<Value>,
}

/// Starts a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct StartVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Option<Uuid>,
    /// The host.
    #[param(resource = "HostVO")]
    pub host_uuid: Option<Uuid>,
}

/// Stops a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct StopVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its kind.
    #[param(values("grace", "cold"), default = "grace")]
    pub r#type: String,
    /// Stop ha.
    #[param(wire = "stopHA", values("true"))]
    pub stop_ha: Option<String>,
}

/// Reboots a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct RebootVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Pauses a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct PauseVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Resumes a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct ResumeVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Destroys a virtual machine; it can be recovered until it is expunged.
#[api(delete "/vm-instances/{uuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, delete, reply = Empty)]
pub struct DestroyVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Brings a destroyed virtual machine back as a stopped one.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct RecoverVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Removes a destroyed virtual machine and its volumes for good.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, timeout_secs = 10800, reply = Empty)]
pub struct ExpungeVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO")]
    pub uuid: Uuid,
}

/// Changes what is recorded of a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct UpdateVmInstance {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// State.
    #[param(values("Stopped", "Running"))]
    pub state: Option<String>,
    /// Default l3 network id.
    #[param(resource = "L3NetworkVO")]
    pub default_l3_network_uuid: Option<Uuid>,
    /// Platform.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// Processors.
    #[param(range(1, 1024))]
    pub cpu_num: Option<i32>,
    /// Memory, in bytes.
    #[param(range(1, 9223372036854775807))]
    pub memory_size: Option<i64>,
    /// Reserved memory size.
    #[param(range(0, 9223372036854775807))]
    pub reserved_memory_size: Option<i64>,
    /// Guest os type.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
}

/// Finds virtual machines.
#[api(query "/vm-instances", group = "vm", service = "query", package = "org.zstack.header.vm", reply = Inventories<VmInstance>)]
pub struct QueryVmInstance;

/// Finds VM nics.
#[api(query "/vm-instances/nics", group = "vm", service = "query", package = "org.zstack.header.vm", reply = Inventories<VmNic>)]
pub struct QueryVmNic;

/// Finds VM CD roms.
#[api(query "/vm-instances/cdroms", group = "vm", service = "query", package = "org.zstack.header.vm.cdrom", reply = Inventories<VmCdRom>)]
pub struct QueryVmCdRom;

/// Answers where the console of a virtual machine listens.
#[api(get "/vm-instances/{uuid}/console-addresses", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmConsoleAddressReply)]
pub struct GetVmConsoleAddress {
    /// The id of what is meant.
    #[param(resource = "VmInstanceVO")]
    pub uuid: Uuid,
}

/// What [`GetVmConsoleAddress`] answers.
#[reply(all)]
pub struct GetVmConsoleAddressReply {
    /// Host ip.
    pub host_ip: Option<String>,
    /// Port.
    #[member(of = "int")]
    pub port: Option<i32>,
    /// Path.
    pub path: Option<String>,
    /// Protocol.
    pub protocol: Option<String>,
    /// Vdi port info.
    #[member(of = "VdiPortInfo")]
    pub vdi_port_info: Option<Value>,
}

/// Attaches an L3 network to a VM.
#[api(post "/vm-instances/{vmInstanceUuid}/l3-networks/{l3NetworkUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct AttachL3NetworkToVm {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Uuid,
    /// Static ip.
    pub static_ip: Option<String>,
    /// Driver type.
    pub driver_type: Option<String>,
    /// Custom mac.
    pub custom_mac: Option<String>,
    /// Vm nic params.
    pub vm_nic_params: Option<String>,
}

/// Detaches an L3 network from a VM.
#[api(delete "/vm-instances/nics/{vmNicUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct DetachL3NetworkFromVm {
    /// Vm nic id.
    #[param(resource = "VmNicVO", check_account, operation_target)]
    pub vm_nic_uuid: Uuid,
}
