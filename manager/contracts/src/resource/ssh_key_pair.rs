//! SSH keys by name, for the guests of virtual machines.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

/// A public key of somebody who may log in to guests.
#[resource(
    table = "ssh_key_pair",
    java = "org.zstack.header.sshkeypair.SshKeyPairInventory",
    vo = "SshKeyPairVO",
    owned
)]
pub struct SshKeyPair {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The key, as `ssh-keygen` writes it to a `.pub` file.
    #[field(long)]
    pub public_key: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A key whose holder may log in to the guest of a virtual machine.
#[resource(
    table = "ssh_key_pair_ref",
    java = "org.zstack.header.sshkeypair.SshKeyPairRefInventory",
    vo = "SshKeyPairRefVO",
    seen_by(owner = sshKeyPairUuid),
    unique(sshKeyPairUuid, vmInstanceUuid)
)]
pub struct SshKeyPairRef {
    /// The key.
    #[field(indexed, references = "SshKeyPair", part_of = "SshKeyPair")]
    pub ssh_key_pair_uuid: Uuid,
    /// The virtual machine.
    #[field(indexed, references = "VmInstance", part_of = "VmInstance")]
    pub vm_instance_uuid: Uuid,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
