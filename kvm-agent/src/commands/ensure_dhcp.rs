//! `EnsureDhcp`: sets the DHCP of a network on this host, whole.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{
    HostError, KvmHost,
    dhcp::{DhcpEntry, DhcpNetwork, L3State},
};

pub(super) struct EnsureDhcp;

impl Command<KvmHost> for EnsureDhcp {
    type Request = kvm::EnsureDhcp;

    fn key(rq: &Self::Request) -> String {
        super::l3_key(rq.network.as_ref())
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::EnsureDhcpReply, AgentError> {
        let network = DhcpNetwork::checked(rq.network.as_ref())?;
        let before = host.networks.get(&network.l3);
        if let Some(current) = before.as_ref().map(|b| b.generation).filter(|current| *current > rq.generation) {
            let l3 = network.l3.to_string();
            return Err(HostError::OldGeneration { l3, current, asked: rq.generation }.into());
        }
        let mut state = L3State::empty(network);
        state.generation = rq.generation;
        state.userdata = before.map(|b| b.userdata).unwrap_or_default();
        for entry in &rq.entries {
            let (nic, entry) = DhcpEntry::checked(entry, &state.network)?;
            state.add(nic, entry);
        }
        host.serve(state).await?;
        Ok(kvm::EnsureDhcpReply { generation: rq.generation })
    }
}
