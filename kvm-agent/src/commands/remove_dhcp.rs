//! `RemoveDhcp`: takes DHCP and metadata of a network off this host.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, ObjectId};

pub(super) struct RemoveDhcp;

impl Command<KvmHost> for RemoveDhcp {
    type Request = kvm::RemoveDhcp;

    fn key(rq: &Self::Request) -> String {
        super::network_key(&rq.l3_uuid)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::RemoveDhcpReply, AgentError> {
        let l3 = ObjectId::try_from(rq.l3_uuid)?;
        host.stop_serving(&l3).await?;
        Ok(kvm::RemoveDhcpReply {})
    }
}
