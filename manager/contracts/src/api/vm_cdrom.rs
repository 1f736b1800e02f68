//! CD drives of virtual machines, and the ISO images in them.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventory, Uuid};
use serde_json::Value;

use crate::resource::{VmCdRom, VmInstance};

/// Gives a virtual machine that does not run a CD drive.
#[api(post "/vm-instances/cdroms", group = "vm", service = "vmInstance", package = "org.zstack.header.vm.cdrom", job, create, reply = Inventory<VmCdRom>)]
pub struct CreateVmCdRom {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account)]
    pub vm_instance_uuid: Uuid,
    /// The ISO image in it; empty when not given.
    #[param(resource = "ImageVO", check_account)]
    pub iso_uuid: Option<Uuid>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Takes a CD drive from a virtual machine that does not run.
#[api(delete "/vm-instances/cdroms/{uuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm.cdrom", job, delete, reply = Empty)]
pub struct DeleteVmCdRom {
    /// The drive.
    #[param(resource = "VmCdRomVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Changes name and description of a CD drive.
#[api(put "/vm-instances/cdroms/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm.cdrom", job, reply = Inventory<VmCdRom>)]
pub struct UpdateVmCdRom {
    /// The drive.
    #[param(resource = "VmCdRomVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
}

/// Makes a CD drive the first one of its virtual machine, which boots from that one.
#[api(put "/vm-instances/{vmInstanceUuid}/cdroms/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm.cdrom", job, reply = Inventory<VmCdRom>)]
pub struct SetVmInstanceDefaultCdRom {
    /// The drive.
    #[param(resource = "VmCdRomVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
}

/// Puts an ISO image into a CD drive of a virtual machine, also while it runs.
#[api(post "/vm-instances/{vmInstanceUuid}/iso/{isoUuid}", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, body_key = "null", reply = Inventory<VmInstance>)]
pub struct AttachIsoToVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The image. It goes into the first empty drive, or into the one that the system tag `cdromUuid::…` names.
    #[param(resource = "ImageVO", check_account)]
    pub iso_uuid: Uuid,
}

/// Takes an ISO image out of a CD drive of a virtual machine, also while it runs.
#[api(delete "/vm-instances/{vmInstanceUuid}/iso", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct DetachIsoFromVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The image; not needed where there is one only.
    pub iso_uuid: Option<Uuid>,
}

/// Lists the ISO images that could be put into a drive of a virtual machine.
#[api(get "/vm-instances/{vmInstanceUuid}/iso-candidates", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetCandidateIsoForAttachingVmReply)]
pub struct GetCandidateIsoForAttachingVm {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
}

/// What [`GetCandidateIsoForAttachingVm`] answers.
#[reply(members)]
pub struct GetCandidateIsoForAttachingVmReply {
    /// The images.
    #[member(of = "ImageInventory")]
    pub inventories: Vec<Value>,
}

/// Lists the virtual machines that an ISO image could be put into.
#[api(get "/images/iso/{isoUuid}/vm-candidates", group = "image", service = "vmInstance", package = "org.zstack.header.vm", reply = GetCandidateVmForAttachingIsoReply)]
pub struct GetCandidateVmForAttachingIso {
    /// The image.
    #[param(resource = "ImageVO", check_account)]
    pub iso_uuid: Uuid,
}

/// What [`GetCandidateVmForAttachingIso`] answers.
#[reply(members)]
pub struct GetCandidateVmForAttachingIsoReply {
    /// The virtual machines.
    #[member(of = "VmInstanceInventory")]
    pub inventories: Vec<Value>,
}
