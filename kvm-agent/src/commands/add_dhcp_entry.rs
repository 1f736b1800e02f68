//! `AddDhcpEntry`: gives one NIC its address, setting up the DHCP of its network where it is missing.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{
    HostError, KvmHost,
    dhcp::{DhcpEntry, DhcpNetwork, L3State},
};

pub(super) struct AddDhcpEntry;

impl Command<KvmHost> for AddDhcpEntry {
    type Request = kvm::AddDhcpEntry;

    fn key(rq: &Self::Request) -> String {
        super::l3_key(rq.network.as_ref())
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::AddDhcpEntryReply, AgentError> {
        let network = DhcpNetwork::checked(rq.network.as_ref())?;
        let entry = rq.entry.as_ref().ok_or(HostError::Lacks("the entry"))?;
        let (nic, entry) = DhcpEntry::checked(entry, &network)?;
        let mut state = host.networks.get(&network.l3).unwrap_or_else(|| L3State::empty(network.clone()));
        state.network = network;
        state.add(nic, entry);
        host.serve(state).await?;
        Ok(kvm::AddDhcpEntryReply {})
    }
}
