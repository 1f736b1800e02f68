//! `DestroyVm`: makes sure a VM is gone from this host. Its disks stay.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, ObjectId, domains::run};

pub(super) struct DestroyVm;

impl Command<KvmHost> for DestroyVm {
    type Request = kvm::DestroyVm;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::DestroyVmReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        run::ensure_gone(&*host.domains, &vm).await?;
        host.changed.notify_one();
        Ok(kvm::DestroyVmReply {})
    }
}
