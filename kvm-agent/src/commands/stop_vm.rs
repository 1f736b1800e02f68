//! `StopVm`: makes sure a VM does not run.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, ObjectId, domains::run};

pub(super) struct StopVm;

impl Command<KvmHost> for StopVm {
    type Request = kvm::StopVm;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, cx: &TaskCx) -> Result<kvm::StopVmReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid.as_str())?;
        let graceful = run::ensure_stopped(&*host.domains, &vm, super::patience(rq.mode(), rq.timeout_s), cx).await?;
        host.changed.notify_one();
        Ok(kvm::StopVmReply { graceful })
    }
}
