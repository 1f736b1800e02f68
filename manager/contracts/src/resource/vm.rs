//! Virtual machines, their NICs and drives.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::{NicState, VmState};

/// A virtual machine.
#[resource(
    table = "vm_instance",
    java = "org.zstack.header.vm.VmInstanceInventory",
    vo = "VmInstanceVO",
    owned,
    type_field = "type",
    nested(vmNics: VmNic, uuid = vmInstanceUuid),
    nested(allVolumes: Volume, uuid = vmInstanceUuid),
    nested(vmCdRoms: VmCdRom, uuid = vmInstanceUuid),
    expand(zone: Zone, zoneUuid = uuid),
    expand(cluster: Cluster, clusterUuid = uuid),
    expand(host: Host, hostUuid = uuid),
    expand(image: Image, imageUuid = uuid),
    expand(instanceOffering: InstanceOffering, instanceOfferingUuid = uuid),
    expand(rootVolume: Volume, rootVolumeUuid = uuid),
    expand(vmNics: VmNic, uuid = vmInstanceUuid),
    expand(allVolumes: Volume, uuid = vmInstanceUuid),
    expand(vmCdRoms: VmCdRom, uuid = vmInstanceUuid)
)]
pub struct VmInstance {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The zone it is in.
    #[field(indexed, references = "Zone")]
    pub zone_uuid: Option<Uuid>,
    /// The cluster it is in.
    #[field(indexed, references = "Cluster")]
    pub cluster_uuid: Option<Uuid>,
    /// The image.
    #[field(indexed)]
    pub image_uuid: Option<Uuid>,
    /// The host it is on.
    #[field(indexed, references = "Host")]
    pub host_uuid: Option<Uuid>,
    /// The host it was on last.
    pub last_host_uuid: Option<Uuid>,
    /// The instance offering it was made by.
    #[field(indexed)]
    pub instance_offering_uuid: Option<Uuid>,
    /// Its root volume.
    #[field(indexed)]
    pub root_volume_uuid: Option<Uuid>,
    /// The family of that system.
    pub platform: String,
    /// Processor architecture.
    pub architecture: Option<String>,
    /// The network whose gateway it uses.
    pub default_l3_network_uuid: Option<Uuid>,
    /// Its kind.
    pub r#type: String,
    /// What its virtual machines run on.
    pub hypervisor_type: Option<String>,
    /// Memory, in bytes.
    pub memory_size: i64,
    /// Memory that is never shared, in bytes.
    pub reserved_memory_size: Option<i64>,
    /// Processors.
    pub cpu_num: i32,
    /// Processor speed, in MHz.
    pub cpu_speed: i64,
    /// How a place is chosen for it.
    pub allocator_strategy: Option<String>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// Whether it takes part in what is new.
    #[field(indexed)]
    pub state: VmState,
    /// The operating system in it.
    pub guest_os_type: Option<String>,
    /// When a destroyed one is expunged.
    #[field(hidden)]
    pub expunge_after: Option<Timestamp>,
}

/// A network interface of a virtual machine.
#[resource(
    table = "vm_nic",
    java = "org.zstack.header.vm.VmNicInventory",
    vo = "VmNicVO",
    owned,
    nested(usedIps: UsedIp, uuid = vmNicUuid),
    expand(vmInstance: VmInstance, vmInstanceUuid = uuid),
    expand(l3Network: L3Network, l3NetworkUuid = uuid),
    expand(usedIp: UsedIp, uuid = vmNicUuid)
)]
pub struct VmNic {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The virtual machine.
    #[field(indexed, references = "VmInstance", part_of = "VmInstance")]
    pub vm_instance_uuid: Option<Uuid>,
    /// The L3 network.
    #[field(indexed, references = "L3Network", part_of = "L3Network")]
    pub l3_network_uuid: Option<Uuid>,
    /// The address.
    #[field(indexed)]
    pub ip: Option<String>,
    /// Hardware address.
    #[field(unique)]
    pub mac: String,
    /// What its virtual machines run on.
    pub hypervisor_type: Option<String>,
    /// Netmask.
    pub netmask: Option<String>,
    /// Gateway.
    pub gateway: Option<String>,
    /// Text of the driver.
    pub meta_data: Option<String>,
    /// 4 or 6.
    pub ip_version: Option<i32>,
    /// Model that the guest sees.
    pub driver_type: Option<String>,
    /// Name of the interface on the host.
    pub internal_name: String,
    /// Its place among its kind in the virtual machine.
    pub device_id: i32,
    /// Its kind.
    pub r#type: Option<String>,
    /// Whether it takes part in what is new.
    pub state: NicState,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// The address it holds.
    #[field(hidden)]
    pub used_ip_uuid: Option<Uuid>,
}

/// A CD drive of a virtual machine.
#[resource(
    table = "vm_cd_rom",
    java = "org.zstack.header.vm.cdrom.VmCdRomInventory",
    vo = "VmCdRomVO",
    owned,
    expand(vmInstance: VmInstance, vmInstanceUuid = uuid)
)]
pub struct VmCdRom {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The virtual machine.
    #[field(indexed, references = "VmInstance", part_of = "VmInstance")]
    pub vm_instance_uuid: Uuid,
    /// Its place among its kind in the virtual machine.
    pub device_id: i32,
    /// The ISO image inside.
    pub iso_uuid: Option<Uuid>,
    /// Where that image is on the storage.
    pub iso_install_path: Option<String>,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// How hosts reach it.
    pub protocol: Option<String>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
