//! `ListVms`: says which VMs the host has and in which states.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::KvmHost;

pub(super) struct ListVms;

impl Command<KvmHost> for ListVms {
    type Request = kvm::ListVms;

    fn key(_: &Self::Request) -> String {
        "look".to_owned()
    }

    async fn run(host: Arc<KvmHost>, _: Self::Request, _: &TaskCx) -> Result<kvm::ListVmsReply, AgentError> {
        Ok(kvm::ListVmsReply { vms: host.vms().await? })
    }
}
