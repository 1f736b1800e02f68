//! Hosts.

use cumulo_derive::resource;
use cumulo_schema::{Json, Timestamp, Uuid};

use super::state::{HostState, HostStatus};

/// A host: a machine that runs virtual machines.
#[resource(
    table = "host",
    java = "org.zstack.header.host.HostInventory",
    vo = "HostVO",
    seen_by(all),
    type_field = "hypervisorType",
    expand(zone: Zone, zoneUuid = uuid),
    expand(cluster: Cluster, clusterUuid = uuid),
    expand(vmInstance: VmInstance, uuid = hostUuid)
)]
pub struct Host {
    /// The zone it is in.
    #[field(indexed, references = "Zone")]
    pub zone_uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The cluster it is in.
    #[field(indexed, references = "Cluster")]
    pub cluster_uuid: Uuid,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The address under which it is managed.
    #[field(indexed)]
    pub management_ip: String,
    /// What its virtual machines run on.
    pub hypervisor_type: String,
    /// Whether it takes part in what is new.
    pub state: HostState,
    /// What it was last seen to be.
    pub status: HostStatus,
    /// Virtual CPUs it offers, over-provisioning included.
    pub total_cpu_capacity: i64,
    /// Virtual CPUs still free.
    pub available_cpu_capacity: i64,
    /// Processor sockets.
    pub cpu_sockets: i32,
    /// Memory, in bytes.
    pub total_memory_capacity: i64,
    /// Memory still free, in bytes.
    pub available_memory_capacity: i64,
    /// Processors.
    pub cpu_num: i32,
    /// Address of its management controller.
    pub ipmi_address: Option<String>,
    /// User name there.
    pub ipmi_username: Option<String>,
    /// Port there.
    pub ipmi_port: Option<i32>,
    /// Whether it is powered.
    pub ipmi_power_status: Option<String>,
    /// Processor architecture.
    pub architecture: Option<String>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// Processor speed, in MHz.
    #[field(hidden)]
    pub cpu_mhz: i64,
    /// Memory that is built in, in bytes.
    #[field(hidden)]
    pub physical_memory: i64,
    /// Memory in use when last seen, in bytes.
    #[field(hidden)]
    pub used_memory: i64,
    /// Memory kept for the host itself, in bytes.
    #[field(hidden)]
    pub reserved_memory: i64,
    /// How many VMs hold something here.
    #[field(hidden)]
    pub vms: i64,
    /// What the agent last told of the host.
    #[field(hidden)]
    pub facts: Json<serde_json::Value>,
    /// The flow that updates its packages: until that ends nobody else changes the host's state.
    #[field(hidden)]
    pub updated_by: Option<Uuid>,
}

/// A host whose hypervisor is KVM.
#[resource(table = "kvm_host", java = "org.zstack.kvm.KVMHostInventory", vo = "KVMHostVO", parent(Host = "KVM"))]
pub struct KVMHost {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The account used over SSH.
    pub username: String,
    /// The password of that account, sealed.
    #[field(hidden)]
    pub password: String,
    /// The port of SSH.
    pub ssh_port: i32,
    /// Distribution of the operating system.
    pub os_distribution: Option<String>,
    /// Release name of the operating system.
    pub os_release: Option<String>,
    /// Version of the operating system.
    pub os_version: Option<String>,
    /// The SSH host key seen first, as a fingerprint.
    #[field(hidden)]
    pub host_key: Option<String>,
    /// The port its agent listens on.
    #[field(hidden)]
    pub agent_port: i32,
}

/// A host that there is not: see the simulator plugin.
#[resource(
    table = "simulator_host",
    java = "org.zstack.header.simulator.SimulatorHostInventory",
    vo = "SimulatorHostVO",
    parent(Host = "Simulator")
)]
pub struct SimulatorHost {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Memory it pretends to have, in bytes.
    pub memory_capacity: i64,
    /// Processors it pretends to have.
    pub cpu_capacity: i64,
}
