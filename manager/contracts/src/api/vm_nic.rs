//! Changing NICs that exist, and the size of VMs.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventory, Uuid};

use crate::resource::{VmInstance, VmNic};

/// Moves a network interface to another L3 network.
#[api(post "/vm-instances/nics/{vmNicUuid}/l3-networks/{destL3NetworkUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmNic>)]
pub struct ChangeVmNicNetwork {
    /// The network interface.
    #[param(resource = "VmNicVO", check_account, operation_target)]
    pub vm_nic_uuid: Uuid,
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub dest_l3_network_uuid: Uuid,
    /// The address there; one is chosen when not given.
    pub static_ip: Option<String>,
}

/// Unused: a network interface is on one L3 network, so none gets a second one. Accepted from old clients, and refused.
#[api(post "/nics/{vmNicUuid}/l3-networks/{l3NetworkUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmNic>)]
pub struct AttachL3NetworkToVmNic {
    /// The network interface.
    #[param(resource = "VmNicVO", check_account, operation_target)]
    pub vm_nic_uuid: Uuid,
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Uuid,
    /// The address there.
    pub static_ip: Option<String>,
}

/// Makes a network interface with an address, for a virtual machine that is to get it later.
#[api(post "/nics", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, create, reply = Inventory<VmNic>)]
pub struct CreateVmNic {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Uuid,
    /// The address; one is chosen when not given.
    pub ip: Option<String>,
}

/// Gives a virtual machine a network interface that belongs to none.
#[api(post "/vm-instances/{vmInstanceUuid}/nices/{vmNicUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct AttachVmNicToVm {
    /// The network interface.
    #[param(resource = "VmNicVO", check_account)]
    pub vm_nic_uuid: Uuid,
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
}

/// Deletes a network interface, and takes it away from its virtual machine first.
#[api(delete "/nics/{uuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, delete, reply = Empty)]
pub struct DeleteVmNic {
    /// The network interface.
    #[param(resource = "VmNicVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Switches a network interface off, or on again: its cable is out, also while the virtual machine runs.
#[api(put "/vm-instances/nics/{vmNicUuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct ChangeVmNicState {
    /// The network interface.
    #[param(resource = "VmNicVO", check_account, operation_target)]
    pub vm_nic_uuid: Uuid,
    /// What it is to be.
    #[param(values("enable", "disable"))]
    pub state: String,
}

/// Answers which services of its network a network interface gets.
#[api(get "/vm-instances/nics/{vmNicUuid}/attached-networkservices", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmNicAttachedNetworkServiceReply)]
pub struct GetVmNicAttachedNetworkService {
    /// The network interface.
    #[param(resource = "VmNicVO", check_account)]
    pub vm_nic_uuid: Uuid,
}

/// What [`GetVmNicAttachedNetworkService`] answers.
#[reply(members)]
pub struct GetVmNicAttachedNetworkServiceReply {
    /// Their types, in the order of the alphabet.
    pub network_services: Vec<String>,
}

/// Changes the model of network card that the guest sees.
#[api(put "/vm-instances/{vmInstanceUuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmNic>)]
pub struct UpdateVmNicDriver {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The network interface.
    #[param(nonempty, resource = "VmNicVO", check_account)]
    pub vm_nic_uuid: Uuid,
    /// The model.
    pub driver_type: String,
}

/// Changes the instance offering of a virtual machine: at once where it is stopped, otherwise when it next is.
#[api(put "/vm-instances/{vmInstanceUuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct ChangeInstanceOffering {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The instance offering.
    #[param(resource = "InstanceOfferingVO", check_account)]
    pub instance_offering_uuid: Uuid,
}
