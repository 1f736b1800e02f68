//! `GetVmState`: says in which state a VM is. Does not wait for other commands of the VM.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::{VmState, kvm};

use crate::{KvmHost, ObjectId, domains::DomainState};

pub(super) struct GetVmState;

impl Command<KvmHost> for GetVmState {
    type Request = kvm::GetVmState;

    fn key(rq: &Self::Request) -> String {
        format!("look/{}", rq.vm_uuid)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::GetVmStateReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        let state = host.domains.state(&vm).await?.map_or(VmState::Absent, DomainState::to_proto);
        Ok(kvm::GetVmStateReply { state: state.into() })
    }
}
