//! `RebootVm`: stops a VM and starts it again.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, domains::run};

pub(super) struct RebootVm;

impl Command<KvmHost> for RebootVm {
    type Request = kvm::RebootVm;

    fn key(rq: &Self::Request) -> String {
        super::vm_key(rq.vm.as_ref())
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, cx: &TaskCx) -> Result<kvm::RebootVmReply, AgentError> {
        let spec = super::checked(&host, rq.vm.as_ref())?;
        run::ensure_stopped(&*host.domains, &spec.uuid, super::patience(rq.mode(), rq.timeout_s), cx).await?;
        run::ensure_running(&*host.domains, &spec).await?;
        host.changed.notify_one();
        Ok(kvm::RebootVmReply { vnc_port: host.domains.vnc_port(&spec.uuid).await?.into() })
    }
}
