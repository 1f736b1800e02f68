//! `GetCapacity`: says how much space a storage has.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::KvmHost;

pub(super) struct GetCapacity;

impl Command<KvmHost> for GetCapacity {
    type Request = kvm::GetCapacity;

    fn key(rq: &Self::Request) -> String {
        format!("capacity/{}", rq.path)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::GetCapacityReply, AgentError> {
        let root = host.roots.root(&rq.path)?;
        Ok(kvm::GetCapacityReply { capacity: Some(host.disks.capacity(&root).await?) })
    }
}
