//! `PauseVm`: makes sure a VM is paused.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, ObjectId, domains::run};

pub(super) struct PauseVm;

impl Command<KvmHost> for PauseVm {
    type Request = kvm::PauseVm;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::PauseVmReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        run::ensure_paused(&*host.domains, &vm).await?;
        host.changed.notify_one();
        Ok(kvm::PauseVmReply {})
    }
}
