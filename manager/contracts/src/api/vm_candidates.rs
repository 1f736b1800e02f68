//! What could be chosen for a VM, and what a VM can do.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::{Inventories, Uuid};
use serde_json::Value;

use crate::resource::L3Network;

/// Lists the L3 networks that a VM could be given a NIC on.
#[api(get "/vm-instances/{vmInstanceUuid}/l3-networks-candidates", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = Inventories<L3Network>)]
pub struct GetVmAttachableL3Network {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account)]
    pub vm_instance_uuid: Uuid,
}

/// Lists the L3 networks that a NIC could be moved to.
#[api(get "/vm-instances/nics/{vmNicUuid}/l3-networks-candidates", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = Inventories<L3Network>)]
pub struct GetCandidateL3NetworksForChangeVmNicNetwork {
    /// The network interface.
    #[param(resource = "VmNicVO", check_account)]
    pub vm_nic_uuid: Uuid,
}

/// Lists the hosts on which a VM could be started, and their clusters.
#[api(get "/vm-instances/{uuid}/starting-target-hosts", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmStartingCandidateClustersHostsReply)]
pub struct GetVmStartingCandidateClustersHosts {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetVmStartingCandidateClustersHosts`] answers.
#[reply(members)]
pub struct GetVmStartingCandidateClustersHostsReply {
    /// The hosts.
    #[member(of = "HostInventory")]
    pub hosts: Vec<Value>,
    /// Their clusters.
    #[member(of = "ClusterInventory")]
    pub clusters: Vec<Value>,
}

/// Lists where a new VM could be.
#[api(get "/vm-instances/candidate-destinations", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetCandidateZonesClustersHostsForCreatingVmReply)]
pub struct GetCandidateZonesClustersHostsForCreatingVm {
    /// The instance offering; instead of processors and memory.
    #[param(resource = "InstanceOfferingVO", check_account)]
    pub instance_offering_uuid: Option<Uuid>,
    /// The image that the root volume starts from.
    #[param(resource = "ImageVO", check_account)]
    pub image_uuid: Uuid,
    /// The L3 networks, one network interface on each.
    #[param(nonempty, resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Vec<Uuid>,
    /// The disk offering of the root volume.
    #[param(resource = "DiskOfferingVO", check_account)]
    pub root_disk_offering_uuid: Option<Uuid>,
    /// Size of the root volume, in bytes.
    #[param(range(1, 9223372036854775807))]
    pub root_disk_size: Option<i64>,
    /// Disk offerings, one for each data volume.
    #[param(nonempty, resource = "DiskOfferingVO", check_account)]
    pub data_disk_offering_uuids: Option<Vec<Uuid>>,
    /// How many processors, without an instance offering.
    #[param(range(1, 1024))]
    pub cpu_num: Option<i32>,
    /// Memory without an instance offering, in bytes.
    #[param(range(1, 9223372036854775807))]
    pub memory_size: Option<i64>,
    /// Only in this zone.
    pub zone_uuid: Option<Uuid>,
    /// Only in this cluster.
    pub cluster_uuid: Option<Uuid>,
    /// The L3 network whose gateway and name servers it uses; no matter here.
    pub default_l3_network_uuid: Option<String>,
}

/// What [`GetCandidateZonesClustersHostsForCreatingVm`] answers.
#[reply(all)]
pub struct GetCandidateZonesClustersHostsForCreatingVmReply {
    /// The zones.
    #[member(of = "ZoneInventory")]
    pub zones: Vec<Value>,
    /// The clusters.
    #[member(of = "ClusterInventory")]
    pub clusters: Vec<Value>,
    /// The hosts, best first.
    #[member(of = "HostInventory")]
    pub hosts: Vec<Value>,
}

/// Lists the primary storages that could take the volumes of a new VM.
#[api(get "/vm-instances/candidate-storages", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetCandidatePrimaryStoragesForCreatingVmReply)]
pub struct GetCandidatePrimaryStoragesForCreatingVm {
    /// The image that the root volume starts from.
    #[param(resource = "ImageVO", check_account)]
    pub image_uuid: Uuid,
    /// The L3 networks, one network interface on each.
    #[param(nonempty, resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Vec<Uuid>,
    /// The disk offering of the root volume.
    #[param(resource = "DiskOfferingVO", check_account)]
    pub root_disk_offering_uuid: Option<Uuid>,
    /// Size of the root volume, in bytes.
    #[param(range(1, 9223372036854775807))]
    pub root_disk_size: Option<i64>,
    /// Disk offerings, one for each data volume.
    #[param(nonempty, resource = "DiskOfferingVO", check_account)]
    pub data_disk_offering_uuids: Option<Vec<Uuid>>,
    /// Sizes of data volumes without a disk offering, in bytes.
    #[param(range(1, 9223372036854775807))]
    pub data_disk_sizes: Option<Vec<i64>>,
    /// Only in this zone.
    pub zone_uuid: Option<Uuid>,
    /// Only in this cluster.
    pub cluster_uuid: Option<Uuid>,
    /// The L3 network whose gateway and name servers it uses; no matter here.
    pub default_l3_network_uuid: Option<String>,
}

/// What [`GetCandidatePrimaryStoragesForCreatingVm`] answers.
#[reply(all)]
pub struct GetCandidatePrimaryStoragesForCreatingVmReply {
    /// Those that could take the root volume.
    #[member(of = "PrimaryStorageInventory")]
    pub root_volume_primary_storages: Vec<Value>,
    /// By disk offering, or by size in bytes: those that could take the data volume.
    #[member(of = "Map<String, List<PrimaryStorageInventory>>")]
    pub data_volume_primary_storages: BTreeMap<String, Vec<Value>>,
}

/// Answers what can be done with a VM beside starting and stopping it.
#[api(get "/vm-instances/{uuid}/capabilities", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmCapabilitiesReply)]
pub struct GetVmCapabilities {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetVmCapabilities`] answers.
#[reply(members)]
pub struct GetVmCapabilitiesReply {
    /// By name, whether it can be done: `LiveMigration`.
    #[member(of = "Map<String, Object>")]
    pub capabilities: BTreeMap<String, Value>,
}

/// Answers what can be done with VMs beside starting and stopping them.
#[api(get "/vm-instances/capabilities", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmsCapabilitiesReply)]
pub struct GetVmsCapabilities {
    /// The virtual machines.
    #[param(nonempty)]
    pub vm_uuids: Vec<Uuid>,
}

/// What [`GetVmsCapabilities`] answers.
#[reply(members)]
pub struct GetVmsCapabilitiesReply {
    /// By virtual machine.
    #[member(of = "Map<String, VmCapabilities>")]
    pub vms_caps: BTreeMap<String, Value>,
}
