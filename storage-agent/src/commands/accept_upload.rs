//! `AcceptUpload`: makes an image of what a host has brought.

use std::sync::Arc;

use cumulo_agent_rt::{
    AgentError, Command, TaskCx,
    storage::{Digests, ImageInfo, StorageError},
};
use cumulo_proto::storage;

use crate::{StorageHost, wanted::Wanted};

pub(super) struct AcceptUpload;

impl Command<StorageHost> for AcceptUpload {
    type Request = storage::AcceptUpload;

    fn key(rq: &Self::Request) -> String {
        rq.image_uuid.clone()
    }

    async fn run(
        host: Arc<StorageHost>,
        rq: Self::Request,
        cx: &TaskCx,
    ) -> Result<storage::AcceptUploadReply, AgentError> {
        let image = host.roots.confine_in(&rq.storage_path, &rq.install_path)?;
        let from = format!("what was uploaded as {}", rq.install_path);
        let wanted = Wanted::checked(from, &rq.expected_format, &rq.expected_sha256, "")?;
        if let Some(info) = host.disks.info(&image).await? {
            let digests = cx.until_deadline("reading the image", host.disks.digests(&image)).await??;
            wanted.check(&info, &digests)?;
            return Ok(reply(&wanted, &info, digests));
        }
        let incoming = image.incoming();
        // From here on nobody else writes into what is looked at.
        host.disks.reclaim(&incoming).await?;
        let info = host.disks.info(&incoming).await?;
        let info = info.ok_or_else(|| StorageError::Vanished { path: incoming.path().to_owned() })?;
        let digests = cx.until_deadline("reading the image", host.disks.digests(&incoming)).await??;
        if let Err(error) = wanted.check(&info, &digests) {
            host.disks.remove(&incoming).await?;
            return Err(error.into());
        }
        host.disks.rename(&incoming, &image).await?;
        host.changed.notify_one();
        Ok(reply(&wanted, &info, digests))
    }
}

fn reply(wanted: &Wanted, info: &ImageInfo, digests: Digests) -> storage::AcceptUploadReply {
    storage::AcceptUploadReply {
        size: info.virtual_size,
        actual_size: info.actual_size,
        sha256: digests.sha256,
        md5: digests.md5,
        format: wanted.format(),
    }
}
