//! What a virtual machine is told before it runs: what it boots from, the password of its console, who may log in.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventory, Uuid};

use crate::resource::VmInstance;

/// Says what a virtual machine boots from, from its next start on.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct SetVmBootOrder {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// `HardDisk`, `CdRom`, `Network`, first choice first; none for the usual order.
    pub boot_order: Option<Vec<String>>,
}

/// Answers what a virtual machine boots from.
#[api(get "/vm-instances/{uuid}/boot-orders", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmBootOrderReply)]
pub struct GetVmBootOrder {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetVmBootOrder`] answers.
#[reply(members)]
pub struct GetVmBootOrderReply {
    /// First choice first.
    pub orders: Vec<String>,
}

/// Says whether a BIOS or UEFI boots a virtual machine, from its next start on.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Empty)]
pub struct SetVmBootMode {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// `Legacy` or `UEFI`.
    pub boot_mode: String,
}

/// Lets a BIOS boot a virtual machine again, from its next start on.
#[api(delete "/vm-instances/{uuid}/bootmode", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, delete, reply = Empty)]
pub struct DeleteVmBootMode {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Sets the password that the console of a virtual machine asks for, from its next start on.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct SetVmConsolePassword {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// One to eight letters, digits and signs: VNC looks at no more.
    #[param(sensitive)]
    pub console_password: String,
}

/// Answers the password of the console of a virtual machine.
#[api(get "/vm-instances/{uuid}/console-passwords", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmConsolePasswordReply)]
pub struct GetVmConsolePassword {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetVmConsolePassword`] answers.
#[reply(members)]
pub struct GetVmConsolePasswordReply {
    /// The password; absent where there is none.
    pub password: Option<String>,
}

/// Lets the console of a virtual machine be seen without a password, from its next start on.
#[api(delete "/vm-instances/{uuid}/console-password", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Empty)]
pub struct DeleteVmConsolePassword {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Says whose SSH keys may log in to a virtual machine; it asks for them when it starts.
#[api(put "/vm-instances/{uuid}/actions", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Inventory<VmInstance>)]
pub struct SetVmSshKey {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Public keys as in `authorized_keys`, one a line.
    #[param(wire = "SshKey")]
    pub ssh_key: String,
}

/// Answers whose SSH keys may log in to a virtual machine.
#[api(get "/vm-instances/{uuid}/ssh-keys", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", reply = GetVmSshKeyReply)]
pub struct GetVmSshKey {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetVmSshKey`] answers.
#[reply(members)]
pub struct GetVmSshKeyReply {
    /// Public keys, one a line; absent where there are none.
    pub ssh_key: Option<String>,
}

/// Tells a virtual machine of no SSH keys any more. Accounts that it has made from them stay.
#[api(delete "/vm-instances/{uuid}/ssh-keys", group = "vm", service = "vmInstance", package = "org.zstack.header.vm", job, reply = Empty)]
pub struct DeleteVmSshKey {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub uuid: Uuid,
}
