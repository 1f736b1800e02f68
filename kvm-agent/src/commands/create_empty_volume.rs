//! `CreateEmptyVolume`: makes a volume without content.

use std::sync::Arc;

use cumulo_agent_rt::{
    AgentError, Command, TaskCx,
    storage::{self, DiskFormat, NewDisk},
};
use cumulo_proto::kvm;

use crate::{HostError, KvmHost};

pub(super) struct CreateEmptyVolume;

impl Command<KvmHost> for CreateEmptyVolume {
    type Request = kvm::CreateEmptyVolume;

    fn key(rq: &Self::Request) -> String {
        rq.path.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::CreateEmptyVolumeReply, AgentError> {
        let volume = host.roots.confine(&rq.path)?;
        let format = match rq.format.as_str() {
            "" | "qcow2" => DiskFormat::Qcow2,
            "raw" => DiskFormat::Raw,
            _ => return Err(HostError::BadValue { value: rq.format, why: "volumes are qcow2 or raw" }.into()),
        };
        let disk = NewDisk::Empty { format, size: rq.virtual_size };
        let made = storage::ensure(&*host.disks, &volume, &disk).await?;
        Ok(kvm::CreateEmptyVolumeReply { volume: Some(super::volume(made)) })
    }
}
