//! `DeleteCachedImage`: makes sure an image is not in the cache.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::KvmHost;

pub(super) struct DeleteCachedImage;

impl Command<KvmHost> for DeleteCachedImage {
    type Request = kvm::DeleteCachedImage;

    fn key(rq: &Self::Request) -> String {
        rq.cache_path.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::DeleteCachedImageReply, AgentError> {
        let image = host.roots.confine(&rq.cache_path)?;
        // What an interrupted download left goes with it.
        host.disks.remove(&image.incoming()).await?;
        host.disks.remove(&image).await?;
        Ok(kvm::DeleteCachedImageReply {})
    }
}
