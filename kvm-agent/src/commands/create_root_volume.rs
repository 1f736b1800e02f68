//! `CreateRootVolume`: makes a volume on top of a cached image.

use std::sync::Arc;

use cumulo_agent_rt::{
    AgentError, Command, TaskCx,
    storage::{self, NewDisk, StorageError},
};
use cumulo_proto::kvm;

use crate::KvmHost;

pub(super) struct CreateRootVolume;

impl Command<KvmHost> for CreateRootVolume {
    type Request = kvm::CreateRootVolume;

    fn key(rq: &Self::Request) -> String {
        rq.path.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::CreateRootVolumeReply, AgentError> {
        let volume = host.roots.confine(&rq.path)?;
        let image = host.roots.confine(&rq.backing_path)?;
        let info =
            host.disks.info(&image).await?.ok_or_else(|| StorageError::Missing { path: image.path().to_owned() })?;
        let size = if rq.virtual_size == 0 { info.virtual_size } else { rq.virtual_size };
        if size < info.virtual_size {
            let image = image.path().to_owned();
            return Err(StorageError::TooSmall { size, image, image_size: info.virtual_size }.into());
        }
        let disk = NewDisk::Overlay { backing: image.path().to_owned(), backing_format: info.format, size };
        let made = match rq.anew {
            true => storage::replace(&*host.disks, &volume, &disk).await?,
            false => storage::ensure(&*host.disks, &volume, &disk).await?,
        };
        Ok(kvm::CreateRootVolumeReply { volume: Some(super::volume(made)) })
    }
}
