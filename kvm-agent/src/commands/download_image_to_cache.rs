//! `DownloadImageToCache`: copies an image from backup storage into the image cache of a storage.

use std::sync::Arc;

use cumulo_agent_rt::{
    AgentError, Command, TaskCx,
    storage::{ImageInfo, StorageError},
};
use cumulo_proto::kvm;

use crate::{
    KvmHost,
    images::{Expected, Purpose, RemoteFile, percent},
};

pub(super) struct DownloadImageToCache;

impl Command<KvmHost> for DownloadImageToCache {
    type Request = kvm::DownloadImageToCache;

    fn key(rq: &Self::Request) -> String {
        rq.cache_path.clone()
    }

    async fn run(
        host: Arc<KvmHost>,
        rq: Self::Request,
        cx: &TaskCx,
    ) -> Result<kvm::DownloadImageToCacheReply, AgentError> {
        let to = host.roots.confine(&rq.cache_path)?;
        let expected = Expected {
            size: (rq.expected_size > 0).then_some(rq.expected_size),
            sha256: Some(rq.expected_sha256).filter(|sum| !sum.is_empty()),
        };
        if let Some(info) = host.disks.info(&to).await? {
            // It got its name when it was whole and checked.
            return Ok(reply(info));
        }
        let source = RemoteFile::checked(&rq.image_uuid, Purpose::Fetch, rq.source.as_ref())?;
        let incoming = to.incoming();
        let progress = |done: u64, all: u64| cx.progress(percent(done, all), "fetching the image");
        let fetched = host.images.fetch(&source, &incoming, &expected, &progress);
        cx.until_deadline("fetching the image", fetched).await??;
        let info = host.disks.info(&incoming).await?;
        let info = info.ok_or_else(|| StorageError::Vanished { path: to.path().to_owned() })?;
        if !info.is_whole() || !matches!(info.format.as_str(), "qcow2" | "raw") {
            host.disks.remove(&incoming).await?;
            let why = "it is an overlay of another file, or neither qcow2 nor raw; add a whole image instead";
            return Err(source.failed(why).into());
        }
        host.disks.rename(&incoming, &to).await?;
        Ok(reply(info))
    }
}

fn reply(info: ImageInfo) -> kvm::DownloadImageToCacheReply {
    kvm::DownloadImageToCacheReply { size: info.virtual_size, actual_size: info.actual_size, format: info.format }
}
