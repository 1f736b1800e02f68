//! `ResumeVm`: makes sure a paused VM goes on.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, ObjectId, domains::run};

pub(super) struct ResumeVm;

impl Command<KvmHost> for ResumeVm {
    type Request = kvm::ResumeVm;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::ResumeVmReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        run::ensure_resumed(&*host.domains, &vm).await?;
        host.changed.notify_one();
        Ok(kvm::ResumeVmReply {})
    }
}
