//! Named SSH keys, and whose guests they open.
//!
//! A guest is told its keys as it is told those of the tag `sshkey::…`, when it boots; so attaching is a row, whatever state
//! the VM is in, and counts from its next start or reboot on. The original asks a program in the running guest instead.

mod attach;
mod create;
mod delete;
mod fingerprint;
mod store;
mod update;

use std::sync::Arc;

use cumulo_contracts::{
    api::ssh_key_pair::{
        AttachSshKeyPairToVmInstance, CreateSshKeyPair, DeleteSshKeyPair, DetachSshKeyPairFromVmInstance,
        QuerySshKeyPair, UpdateSshKeyPair,
    },
    resource::{Account, SshKeyPair},
};
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::{Api, Resource};

use store::SshKeyPairClaim;
pub(crate) use store::{attached, gone_of, usable, with_attached};

/// Answers the APIs of SSH keys.
struct KeyPairs {
    kernel: Kernel,
}

pub(crate) fn install(setup: &mut Setup) {
    let pairs = Arc::new(KeyPairs { kernel: setup.kernel().clone() });
    setup
        .quotas(store::QUOTAS)
        .resources(&[SshKeyPairClaim::META])
        .api::<CreateSshKeyPair>(pairs.clone())
        .api::<UpdateSshKeyPair>(pairs.clone())
        .api::<DeleteSshKeyPair>(pairs.clone())
        .api::<AttachSshKeyPairToVmInstance>(pairs.clone())
        .api::<DetachSshKeyPairFromVmInstance>(pairs.clone())
        .query(QuerySshKeyPair::META)
        .cascade(SshKeyPair::META, &[Account::META.vo], pairs);
}
