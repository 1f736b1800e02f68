//! `DeleteImage`: makes sure an image is gone.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::storage;

use crate::StorageHost;

pub(super) struct DeleteImage;

impl Command<StorageHost> for DeleteImage {
    type Request = storage::DeleteImage;

    fn key(rq: &Self::Request) -> String {
        rq.image_uuid.clone()
    }

    async fn run(
        host: Arc<StorageHost>,
        rq: Self::Request,
        _: &TaskCx,
    ) -> Result<storage::DeleteImageReply, AgentError> {
        let image = host.roots.confine_in(&rq.storage_path, &rq.install_path)?;
        // What an interrupted download left goes with it.
        host.disks.remove(&image.incoming()).await?;
        host.disks.remove(&image).await?;
        host.changed.notify_one();
        Ok(storage::DeleteImageReply {})
    }
}
