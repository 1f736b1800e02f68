//! `OpenUpload`: makes room for an image that a host brings over SFTP.
//!
//! The host logs in with an account of the operator's choice, which need not be root and may write nothing here; so the agent
//! makes the file and lends it. It has another name than the image's, and nobody takes it for one before it is accepted.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::storage;

use crate::{StorageHost, StoreError};

pub(super) struct OpenUpload;

impl Command<StorageHost> for OpenUpload {
    type Request = storage::OpenUpload;

    fn key(rq: &Self::Request) -> String {
        rq.image_uuid.clone()
    }

    async fn run(
        host: Arc<StorageHost>,
        rq: Self::Request,
        _: &TaskCx,
    ) -> Result<storage::OpenUploadReply, AgentError> {
        let image = host.roots.confine_in(&rq.storage_path, &rq.install_path)?;
        let incoming = image.incoming();
        if host.disks.info(&image).await?.is_none() {
            let free = host.disks.capacity(image.root()).await?.available;
            if free < rq.size {
                return Err(StoreError::NoRoom { image: rq.image_uuid, size: rq.size, free }.into());
            }
            host.disks.lend(&incoming, &rq.username).await?;
        }
        Ok(storage::OpenUploadReply { path: incoming.path().display().to_string() })
    }
}
