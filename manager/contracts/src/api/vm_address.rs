//! What a guest is called, and which addresses its NICs have for good.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Uuid};

/// Gives a VM a fixed address on an L3 network that it has a NIC on.
#[api(put "/vm-instances/{vmInstanceUuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Empty)]
pub struct SetVmStaticIp {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Uuid,
    /// The address, on an L3 network of IPv4.
    pub ip: Option<String>,
    /// The address, on an L3 network of IPv6.
    pub ip6: Option<String>,
    /// The netmask that the address has by its range; refused where that differs.
    pub netmask: Option<String>,
    /// The gateway that the address has by its range; refused where that differs.
    pub gateway: Option<String>,
    /// As `gateway`, of an IPv6 address.
    pub ipv6_gateway: Option<String>,
    /// As `netmask`, of an IPv6 address, in bits.
    pub ipv6_prefix: Option<String>,
}

/// Takes a VM's claim to its address on an L3 network back. It keeps the address until its NIC goes.
#[api(delete "/vm-instances/{vmInstanceUuid}/static-ips", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, delete, reply = Empty)]
pub struct DeleteVmStaticIp {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The L3 network.
    pub l3_network_uuid: Uuid,
    /// Only this address.
    pub static_ip: Option<String>,
}

/// Says what a guest is called.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Empty)]
pub struct SetVmHostname {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The host name.
    pub hostname: String,
}

/// Answers what a guest is called.
#[api(get "/vm-instances/{uuid}/hostnames", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmHostnameReply)]
pub struct GetVmHostname {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetVmHostname`] answers.
#[reply(members)]
pub struct GetVmHostnameReply {
    /// The host name; absent where it has none.
    pub hostname: Option<String>,
}

/// Lets a guest have no name.
#[api(delete "/vm-instances/{uuid}/hostnames", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, delete, reply = Empty)]
pub struct DeleteVmHostname {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}
