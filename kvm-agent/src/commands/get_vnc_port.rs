//! `GetVncPort`: says where the console of a running VM is. Does not wait for other commands of the VM.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{
    HostError, KvmHost, ObjectId,
    domains::{DomainState, run},
};

pub(super) struct GetVncPort;

impl Command<KvmHost> for GetVncPort {
    type Request = kvm::GetVncPort;

    fn key(rq: &Self::Request) -> String {
        format!("look/{}", rq.vm_uuid)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::GetVncPortReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        match run::state_of(&*host.domains, &vm).await? {
            DomainState::Running | DomainState::Paused => {}
            state => return Err(HostError::VmState { vm: vm.to_string(), state, what: "show its console" }.into()),
        }
        Ok(kvm::GetVncPortReply { port: host.domains.vnc_port(&vm).await?.into() })
    }
}
