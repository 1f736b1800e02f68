//! `Connect`: makes a folder the storage, and reports to the asking manager from then on.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx, storage::Roots};
use cumulo_proto::storage;

use crate::{StorageHost, StoreError};

pub(super) struct Connect;

impl Command<StorageHost> for Connect {
    type Request = storage::Connect;

    fn key(_: &Self::Request) -> String {
        "host".to_owned()
    }

    async fn run(host: Arc<StorageHost>, rq: Self::Request, cx: &TaskCx) -> Result<storage::ConnectReply, AgentError> {
        if rq.agent_id != host.agent_id {
            return Err(StoreError::WrongAgent { own: host.agent_id.clone(), asked: rq.agent_id }.into());
        }
        let root = Roots::check(&rq.path)?;
        host.disks.ensure_root(&root).await?;
        host.roots.add(&rq.path)?;
        let capacity = host.disks.capacity(&root).await?;
        cx.report_to_sender();
        Ok(storage::ConnectReply {
            capacity: Some(capacity),
            hostname: host.hostname.clone(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            qemu_img_version: host.disks.version().await?,
            ssh_host_keys: host.ssh_host_keys.clone(),
        })
    }
}
