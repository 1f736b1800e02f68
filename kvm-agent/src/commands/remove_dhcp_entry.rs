//! `RemoveDhcpEntry`: makes sure one NIC gets no address any more. The DHCP of the network stays.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, ObjectId};

pub(super) struct RemoveDhcpEntry;

impl Command<KvmHost> for RemoveDhcpEntry {
    type Request = kvm::RemoveDhcpEntry;

    fn key(rq: &Self::Request) -> String {
        super::network_key(&rq.l3_uuid)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::RemoveDhcpEntryReply, AgentError> {
        let l3 = ObjectId::try_from(rq.l3_uuid)?;
        let nic = ObjectId::try_from(rq.nic_uuid)?;
        if let Some(mut state) = host.networks.get(&l3)
            && state.entries.remove(&nic).is_some()
        {
            host.serve(state).await?;
        }
        Ok(kvm::RemoveDhcpEntryReply {})
    }
}
