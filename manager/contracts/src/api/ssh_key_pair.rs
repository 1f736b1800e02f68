//! SSH keys by name.

use cumulo_derive::api;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::SshKeyPair;

/// What a key may be called.
const NAME: &str = r"^[\u4e00-\u9fa5a-zA-Z0-9\s()（）【】@._+-]+$";

/// Keeps the public key of somebody who is to log in to guests.
#[api(post "/ssh-key-pair", group = "sshKeyPair", service = "sshKeyPair", package = "org.zstack.header.sshkeypair", job, create, reply = Inventory<SshKeyPair>)]
pub struct CreateSshKeyPair {
    /// Its name.
    #[param(max_length = 255, regex = NAME)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The public key, as `ssh-keygen` writes it to a `.pub` file.
    #[param(max_length = 4096)]
    pub public_key: String,
}

/// Changes name or description of a key.
#[api(put "/ssh-key-pair/{uuid}/actions", group = "sshKeyPair", service = "sshKeyPair", package = "org.zstack.header.sshkeypair", job, reply = Inventory<SshKeyPair>)]
pub struct UpdateSshKeyPair {
    /// The key.
    #[param(max_length = 32, resource = "SshKeyPairVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255, regex = NAME)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Forgets a key that no virtual machine has.
#[api(delete "/ssh-key-pair/{uuid}", group = "sshKeyPair", service = "sshKeyPair", package = "org.zstack.header.sshkeypair", job, reply = Empty)]
pub struct DeleteSshKeyPair {
    /// The key.
    #[param(resource = "SshKeyPairVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// Lets the holder of a key log in to the guest of a virtual machine, from its next boot on.
#[api(post "/ssh-key-pair/{sshKeyPairUuid}/vm-instance/{vmInstanceUuid}", group = "sshKeyPair", service = "sshKeyPair", package = "org.zstack.header.sshkeypair", job, reply = Inventory<SshKeyPair>)]
pub struct AttachSshKeyPairToVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The key.
    #[param(resource = "SshKeyPairVO", check_account, operation_target)]
    pub ssh_key_pair_uuid: Uuid,
}

/// Takes a key away from what the guest of a virtual machine is told. A guest that has it already keeps it.
#[api(delete "/ssh-key-pair/{sshKeyPairUuid}/vm-instance/{vmInstanceUuid}", group = "sshKeyPair", service = "sshKeyPair", package = "org.zstack.header.sshkeypair", job, reply = Empty)]
pub struct DetachSshKeyPairFromVmInstance {
    /// The virtual machine.
    #[param(resource = "VmInstanceVO", check_account, operation_target)]
    pub vm_instance_uuid: Uuid,
    /// The key.
    #[param(resource = "SshKeyPairVO", check_account, operation_target)]
    pub ssh_key_pair_uuid: Uuid,
}

/// Finds keys.
#[api(query "/ssh-key-pair", group = "sshKeyPair", service = "query", package = "org.zstack.header.sshkeypair", reply = Inventories<SshKeyPair>)]
pub struct QuerySshKeyPair;
