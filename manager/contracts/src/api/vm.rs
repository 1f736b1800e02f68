//! Virtual machines: their life, their network interfaces and drives.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

use crate::resource::{VmCdRom, VmInstance, VmNic};

/// Creates a virtual machine and starts it.
#[api(post "/vm-instances", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, create, timeout_secs = 43200, reply = Inventory<VmInstance>)]
pub struct CreateVmInstance {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// The instance offering; instead of processors and memory.
    #[param(resource = "InstanceOfferingVO", check_account)]
    pub instance_offering_uuid: Option<Uuid>,
    /// How many processors, without an instance offering.
    pub cpu_num: Option<i32>,
    /// Memory without an instance offering, in bytes.
    pub memory_size: Option<i64>,
    /// Memory that is never shared with others, in bytes.
    #[param(range(0, 9223372036854775807))]
    pub reserved_memory_size: Option<i64>,
    /// The image that the root volume starts from.
    #[param(no_empty_string, resource = "ImageVO", check_account)]
    pub image_uuid: Option<Uuid>,
    /// The L3 networks, one network interface on each.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Option<Vec<Uuid>>,
    /// Settings of the network interfaces, as JSON.
    pub vm_nic_params: Option<String>,
    /// `UserVm`; others are made by the system.
    #[param(values("UserVm", "ApplianceVm"))]
    pub r#type: Option<String>,
    /// The disk offering of the root volume, for images without one.
    #[param(resource = "DiskOfferingVO", check_account)]
    pub root_disk_offering_uuid: Option<Uuid>,
    /// Size of the root volume, in bytes.
    pub root_disk_size: Option<i64>,
    /// Sizes of data volumes without a disk offering, in bytes.
    pub data_disk_sizes: Option<Vec<i64>>,
    /// Disk offerings, one for each data volume.
    #[param(resource = "DiskOfferingVO", check_account)]
    pub data_disk_offering_uuids: Option<Vec<Uuid>>,
    /// The zone to choose a host from.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Option<Uuid>,
    /// The cluster to choose a host from.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Option<Uuid>,
    /// The host to start on.
    #[param(resource = "HostVO")]
    pub host_uuid: Option<Uuid>,
    /// The primary storage of the root volume.
    #[param(resource = "PrimaryStorageVO")]
    pub primary_storage_uuid_for_root_volume: Option<Uuid>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The L3 network whose gateway and name servers it uses.
    pub default_l3_network_uuid: Option<String>,
    /// Whether to start it at once.
    #[param(values("InstantStart", "JustCreate", "CreateStopped"), default = "InstantStart")]
    pub strategy: String,
    /// System tags for the root volume.
    pub root_volume_system_tags: Option<Vec<String>>,
    /// System tags for every data volume.
    pub data_volume_system_tags: Option<Vec<String>>,
    /// System tags for one data volume each, by its place.
    pub data_volume_system_tags_on_index: Option<BTreeMap<String, Vec<String>>>,
    /// SSH keys that may log in.
    pub ssh_key_pair_uuids: Option<Vec<String>>,
    /// The family of the operating system.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// The operating system.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
    /// Processor architecture.
    #[param(max_length = 32, values("x86_64", "aarch64", "mips64el", "loongarch64"))]
    pub architecture: Option<String>,
    /// Whether the guest has virtio drivers.
    pub virtio: Option<bool>,
    /// Disks, described one by one, instead of image and offerings.
    #[param(json = "List<DiskAO>")]
    pub disk_a_os: Option<Value>,
}

/// Starts a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct StartVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The cluster to choose a host from.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Option<Uuid>,
    /// The host to start on.
    #[param(resource = "HostVO")]
    pub host_uuid: Option<Uuid>,
}

/// Stops a virtual machine: asks the guest first, unless told otherwise.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct StopVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// `grace` asks the guest first, `cold` does not.
    #[param(values("grace", "cold"), default = "grace")]
    pub r#type: String,
    /// `true` to keep it from being started again by itself.
    #[param(wire = "stopHA", values("true"))]
    pub stop_ha: Option<String>,
}

/// Reboots a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct RebootVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Pauses a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct PauseVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Resumes a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct ResumeVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Destroys a virtual machine; it can be recovered until it is expunged.
#[api(delete "/vm-instances/{uuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, delete, reply = Empty)]
pub struct DestroyVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Brings a destroyed virtual machine back as a stopped one.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct RecoverVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Removes a destroyed virtual machine and its volumes for good.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, timeout_secs = 10800, reply = Empty)]
pub struct ExpungeVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Makes the root volume of a stopped virtual machine what its image says again. What is in it is lost.
#[api(put "/vm-instances/{vmInstanceUuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct ReimageVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
}

/// Changes name, description and size of a virtual machine.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct UpdateVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The state to record, where it was lost.
    #[param(values("Stopped", "Running"))]
    pub state: Option<String>,
    /// The L3 network whose gateway and name servers it uses.
    #[param(resource = "L3NetworkVO", check_account)]
    pub default_l3_network_uuid: Option<Uuid>,
    /// The family of the operating system.
    #[param(values("Linux", "Windows", "Other", "Paravirtualization", "WindowsVirtio"))]
    pub platform: Option<String>,
    /// How many processors.
    #[param(range(1, 1024))]
    pub cpu_num: Option<i32>,
    /// Memory, in bytes.
    #[param(range(1, 9223372036854775807))]
    pub memory_size: Option<i64>,
    /// Memory that is never shared with others, in bytes.
    #[param(range(0, 9223372036854775807))]
    pub reserved_memory_size: Option<i64>,
    /// The operating system.
    #[param(max_length = 255)]
    pub guest_os_type: Option<String>,
}

/// Finds virtual machines.
#[api(query "/vm-instances", group = "vm", service = "query", package = "org.zstack.header.vm", reply = Inventories<VmInstance>)]
pub struct QueryVmInstance;

/// Finds network interfaces of virtual machines.
#[api(query "/vm-instances/nics", group = "vm", service = "query", package = "org.zstack.header.vm", reply = Inventories<VmNic>)]
pub struct QueryVmNic;

/// Finds CD drives of virtual machines.
#[api(query "/vm-instances/cdroms", group = "vm", service = "query", package = "org.zstack.header.vm.cdrom", reply = Inventories<VmCdRom>)]
pub struct QueryVmCdRom;

/// Answers where the console of a virtual machine listens.
#[api(get "/vm-instances/{uuid}/console-addresses", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmConsoleAddressReply)]
pub struct GetVmConsoleAddress {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetVmConsoleAddress`] answers.
#[reply(all)]
pub struct GetVmConsoleAddressReply {
    /// The host to connect to.
    pub host_ip: Option<String>,
    /// The port there.
    #[member(of = "int")]
    pub port: Option<i32>,
    /// The path there, for protocols with one.
    pub path: Option<String>,
    /// What is spoken: `vnc` or `spice`.
    pub protocol: Option<String>,
    /// The ports of remote desktops.
    #[member(of = "VdiPortInfo")]
    pub vdi_port_info: Option<Value>,
}

/// Gives a virtual machine a network interface on an L3 network.
#[api(post "/vm-instances/{vmInstanceUuid}/l3-networks/{l3NetworkUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct AttachL3NetworkToVm {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Uuid,
    /// The address; one is chosen when not given.
    pub static_ip: Option<String>,
    /// The model of network card that the guest sees.
    pub driver_type: Option<String>,
    /// The hardware address; made up when not given.
    pub custom_mac: Option<String>,
    /// Settings of the network interfaces, as JSON.
    pub vm_nic_params: Option<String>,
}

/// Takes a network interface away from a virtual machine.
#[api(delete "/vm-instances/nics/{vmNicUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct DetachL3NetworkFromVm {
    /// The network interface.
    #[param(resource = "VmNicVO", check_account, operation_target)]
    pub vm_nic_uuid: Uuid,
}
