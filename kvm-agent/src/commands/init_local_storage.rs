//! `InitLocalStorage`: makes a folder a storage of this host.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx, storage::Roots};
use cumulo_proto::kvm;

use crate::KvmHost;

pub(super) struct InitLocalStorage;

impl Command<KvmHost> for InitLocalStorage {
    type Request = kvm::InitLocalStorage;

    fn key(rq: &Self::Request) -> String {
        format!("storage/{}", rq.path)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::InitLocalStorageReply, AgentError> {
        let root = Roots::check(&rq.path)?;
        host.disks.ensure_root(&root).await?;
        host.roots.add(&rq.path)?;
        let capacity = host.disks.capacity(&root).await?;
        host.changed.notify_one();
        Ok(kvm::InitLocalStorageReply { capacity: Some(capacity) })
    }
}
