//! `UploadImage`: copies a file of a storage to a backup storage.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx, storage::StorageError};
use cumulo_proto::kvm;

use crate::{
    KvmHost,
    images::{Purpose, RemoteFile, percent},
};

pub(super) struct UploadImage;

impl Command<KvmHost> for UploadImage {
    type Request = kvm::UploadImage;

    /// To several storages at once, to each once.
    fn key(rq: &Self::Request) -> String {
        rq.to.as_ref().map(|to| format!("upload/{}:{}{}", to.host, to.port, to.path)).unwrap_or_default()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, cx: &TaskCx) -> Result<kvm::UploadImageReply, AgentError> {
        let from = host.roots.confine(&rq.path)?;
        let to = RemoteFile::checked(&rq.image_uuid, Purpose::Upload, rq.to.as_ref())?;
        if host.disks.info(&from).await?.is_none() {
            return Err(StorageError::Missing { path: from.path().to_owned() }.into());
        }
        let progress = |done: u64, all: u64| cx.progress(percent(done, all), "uploading the image");
        let uploaded = host.images.upload(&from, &to, &progress);
        let sha256 = cx.until_deadline("uploading the image", uploaded).await??;
        Ok(kvm::UploadImageReply { sha256 })
    }
}
