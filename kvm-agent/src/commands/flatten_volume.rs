//! `FlattenVolume`: writes what a volume holds to one file that needs no other.
//!
//! Only while nobody writes into the volume: what a guest has not yet put on its disk would be missing, and half of what it
//! is writing would be there.

use std::sync::Arc;

use cumulo_agent_rt::{
    AgentError, Command, TaskCx,
    storage::{DiskFormat, StorageError},
};
use cumulo_proto::kvm;

use crate::{HostError, KvmHost, ObjectId, domains::DomainState};

pub(super) struct FlattenVolume;

impl Command<KvmHost> for FlattenVolume {
    type Request = kvm::FlattenVolume;

    /// As that of the command that removes the file.
    fn key(rq: &Self::Request) -> String {
        rq.to.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, cx: &TaskCx) -> Result<kvm::FlattenVolumeReply, AgentError> {
        let (volume, to) = (host.roots.confine(&rq.path)?, host.roots.confine(&rq.to)?);
        let bad = || HostError::BadValue { value: rq.format.clone(), why: "volumes are qcow2 or raw" };
        let format = DiskFormat::named(&rq.format).ok_or_else(bad)?;
        if let Some(info) = host.disks.info(&to).await? {
            // It got its name when it was whole.
            return Ok(reply(super::volume(info)));
        }
        let vm = ObjectId::try_from(rq.vm_uuid.as_str())?;
        let state = host.domains.state(&vm).await?;
        if let Some(state @ (DomainState::Running | DomainState::Paused)) = state {
            return Err(HostError::VmState { vm: rq.vm_uuid, state, what: "be made an image of; stop it first" }.into());
        }
        if host.disks.info(&volume).await?.is_none() {
            return Err(StorageError::Missing { path: volume.path().to_owned() }.into());
        }
        let progress = |percent: u32| cx.progress(percent, "copying the volume");
        let flattened = host.disks.flatten(&volume, format, &to, &progress);
        cx.until_deadline("copying the volume", flattened).await??;
        let info = host.disks.info(&to).await?;
        let info = info.ok_or_else(|| StorageError::Vanished { path: to.path().to_owned() })?;
        Ok(reply(super::volume(info)))
    }
}

fn reply(image: kvm::VolumeFacts) -> kvm::FlattenVolumeReply {
    kvm::FlattenVolumeReply { image: Some(image) }
}
