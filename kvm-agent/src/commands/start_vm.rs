//! `StartVm`: defines the VM if it is missing or stopped and makes sure it runs.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, domains::run};

pub(super) struct StartVm;

impl Command<KvmHost> for StartVm {
    type Request = kvm::StartVm;

    fn key(rq: &Self::Request) -> String {
        super::vm_key(rq.vm.as_ref())
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::StartVmReply, AgentError> {
        let spec = super::checked(&host, rq.vm.as_ref())?;
        run::ensure_running(&*host.domains, &spec).await?;
        host.changed.notify_one();
        Ok(kvm::StartVmReply { vnc_port: host.domains.vnc_port(&spec.uuid).await?.into() })
    }
}
