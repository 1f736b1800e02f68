//! Hosts: add, change, connect, remove; their capacity.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

use crate::resource::Host;

/// Adds a KVM host: installs the agent on it over SSH and connects to it.
#[api(post "/hosts/kvm", group = "host", service = "host", package = "org.zstack.kvm", job, create, admin, timeout_secs = 10800, reply = Inventory<Host>)]
pub struct AddKVMHost {
    /// The account to log in as over SSH.
    #[param(max_length = 255)]
    pub username: String,
    /// The password of that account.
    #[param(max_length = 255, sensitive)]
    pub password: String,
    /// The port of SSH.
    #[param(range(1, 65535), default = "22")]
    pub ssh_port: i32,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The address under which it is managed.
    #[param(no_empty_string)]
    pub management_ip: String,
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Uuid,
}

/// Adds a simulated host, for tests.
#[api(post "/hosts/simulators", group = "simulator", service = "host", package = "org.zstack.header.simulator", job, create, admin, reply = Inventory<Host>)]
pub struct AddSimulatorHost {
    /// Memory of the host, in bytes.
    #[param(default = "1000000000")]
    pub memory_capacity: i64,
    /// Processors of the host.
    #[param(default = "1000000000")]
    pub cpu_capacity: i64,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The address under which it is managed.
    #[param(no_empty_string)]
    pub management_ip: String,
    /// The cluster.
    #[param(resource = "ClusterVO")]
    pub cluster_uuid: Uuid,
}

/// Changes a host's address, name or description.
#[api(put "/hosts/{uuid}/actions", group = "host", service = "host", package = "org.zstack.header.host", job, admin, reply = Inventory<Host>)]
pub struct UpdateHost {
    /// The host.
    #[param(resource = "HostVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The address under which it is managed.
    #[param(max_length = 255, no_empty_string)]
    pub management_ip: Option<String>,
}

/// Changes how a KVM host is reached, its name or description.
#[api(put "/hosts/kvm/{uuid}/actions", group = "host", service = "host", package = "org.zstack.kvm", job, admin, reply = Inventory<Host>)]
pub struct UpdateKVMHost {
    /// The account to log in as over SSH.
    #[param(max_length = 255, no_empty_string)]
    pub username: Option<String>,
    /// The password of that account.
    #[param(max_length = 255, sensitive)]
    pub password: Option<String>,
    /// The port of SSH.
    #[param(range(1, 65535))]
    pub ssh_port: Option<i32>,
    /// The host.
    #[param(resource = "HostVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The address under which it is managed.
    #[param(max_length = 255, no_empty_string)]
    pub management_ip: Option<String>,
}

/// Enables or disables a host, or puts it into maintenance.
#[api(put "/hosts/{uuid}/actions", group = "host", service = "host", package = "org.zstack.header.host", job, admin, reply = Inventory<Host>)]
pub struct ChangeHostState {
    /// The host.
    #[param(resource = "HostVO")]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable", "maintain"))]
    pub state_event: String,
}

/// Records how the management controller of a host is reached: the one that switches it on and off. What is not given stays.
#[api(put "/hosts/ipmi/{uuid}/actions", group = "host", service = "host", package = "org.zstack.header.host", job, admin, reply = UpdateHostIpmiReply)]
pub struct UpdateHostIpmi {
    /// The host.
    #[param(resource = "HostVO")]
    pub uuid: Uuid,
    /// Name or address of the controller.
    #[param(nonempty)]
    pub ipmi_address: Option<String>,
    /// The account to log in as there.
    #[param(nonempty)]
    pub ipmi_username: Option<String>,
    /// The password of that account.
    #[param(nonempty, sensitive)]
    pub ipmi_password: Option<String>,
    /// Its UDP port; 623 also where another was recorded before.
    #[param(nonempty, default = "623")]
    pub ipmi_port: i32,
}

/// What [`UpdateHostIpmi`] answers.
#[reply(all)]
pub struct UpdateHostIpmiReply {
    /// The controller, without the password.
    #[member(of = "HostIpmiInventory")]
    pub host_ipmi_inventory: Value,
}

/// Connects to a host again, after bringing its agent up to date.
#[api(put "/hosts/{uuid}/actions", group = "host", service = "host", package = "org.zstack.header.host", job, admin, reply = Inventory<Host>)]
pub struct ReconnectHost {
    /// The host.
    #[param(resource = "HostVO")]
    pub uuid: Uuid,
}

/// Deletes a host.
#[api(delete "/hosts/{uuid}", group = "host", service = "host", package = "org.zstack.header.host", job, delete, admin, reply = Empty)]
pub struct DeleteHost {
    /// The host.
    pub uuid: String,
}

/// Finds hosts.
#[api(query "/hosts", group = "host", service = "query", package = "org.zstack.header.host", reply = Inventories<Host>)]
pub struct QueryHost;

/// Lists the hypervisors that hosts can have.
#[api(get "/hosts/hypervisor-types", group = "host", service = "host", package = "org.zstack.header.host", admin, reply = GetHypervisorTypesReply)]
pub struct GetHypervisorTypes {}

/// What [`GetHypervisorTypes`] answers.
#[reply(members)]
pub struct GetHypervisorTypesReply {
    /// Their names.
    pub hypervisor_types: Vec<String>,
}

/// Sums up processors and memory of hosts.
#[api(get "/hosts/capacities/cpu-memory", group = "host", service = "host.allocator", package = "org.zstack.header.allocator", reply = GetCpuMemoryCapacityReply)]
pub struct GetCpuMemoryCapacity {
    /// The zones.
    #[param(resource = "ZoneVO")]
    pub zone_uuids: Option<Vec<Uuid>>,
    /// The clusters.
    #[param(resource = "ClusterVO")]
    pub cluster_uuids: Option<Vec<Uuid>>,
    /// The hosts.
    #[param(resource = "HostVO")]
    pub host_uuids: Option<Vec<Uuid>>,
    /// Only hosts with this hypervisor.
    #[param(values("KVM", "ESX"))]
    pub hypervisor_type: Option<String>,
    /// All there are, instead of those named.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetCpuMemoryCapacity`] answers.
#[reply(all)]
pub struct GetCpuMemoryCapacityReply {
    /// Processors, over-provisioning included.
    #[member(of = "long")]
    pub total_cpu: Option<i64>,
    /// Processors still free.
    #[member(of = "long")]
    pub available_cpu: Option<i64>,
    /// Memory, in bytes.
    #[member(of = "long")]
    pub total_memory: Option<i64>,
    /// Memory still free, in bytes.
    #[member(of = "long")]
    pub available_memory: Option<i64>,
    /// Processors that are built in.
    #[member(of = "long")]
    pub managed_cpu_num: Option<i64>,
    /// The same for each of them.
    #[member(of = "CpuMemoryCapacityData")]
    pub capacity_data: Vec<Value>,
    /// What each of those is.
    pub resource_type: Option<String>,
}

/// Lists the ways in which a host can be chosen for a virtual machine.
#[api(get "/hosts/allocators/strategies", group = "host", service = "host.allocator", package = "org.zstack.header.allocator", admin, reply = GetHostAllocatorStrategiesReply)]
pub struct GetHostAllocatorStrategies {}

/// What [`GetHostAllocatorStrategies`] answers.
#[reply(members)]
pub struct GetHostAllocatorStrategiesReply {
    /// Their names.
    pub strategies: Vec<String>,
}
