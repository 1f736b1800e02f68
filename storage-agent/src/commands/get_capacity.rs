//! `GetCapacity`: says how much space a storage has.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::storage;

use crate::StorageHost;

pub(super) struct GetCapacity;

impl Command<StorageHost> for GetCapacity {
    type Request = storage::GetCapacity;

    fn key(rq: &Self::Request) -> String {
        format!("capacity/{}", rq.path)
    }

    async fn run(
        host: Arc<StorageHost>,
        rq: Self::Request,
        _: &TaskCx,
    ) -> Result<storage::GetCapacityReply, AgentError> {
        let root = host.roots.root(&rq.path)?;
        Ok(storage::GetCapacityReply { capacity: Some(host.disks.capacity(&root).await?) })
    }
}
