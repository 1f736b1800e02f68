//! Hosts that do not answer: what waits for them is told, and nobody is sent there.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::host::{HostCandidate, HostFilter, HostRequest},
    message::host::HostStatusChanged,
    resource::{Host, HostStatus},
};
use cumulo_gateway::AgentWatch;
use cumulo_kernel::bus::OnEvent;
use cumulo_schema::{ErrorCode, Uuid};

use crate::Kvm;

/// For how many seconds an agent may be silent before its host is left out: longer than a restart of the agent usually takes.
const RESTART_S: u64 = 3;

#[async_trait]
impl AgentWatch for Kvm {
    async fn is_away(&self, agent: Uuid) -> Result<bool, ErrorCode> {
        let host = self.kernel.db().find(Host::UUID, &agent).await?;
        Ok(host.is_some_and(|host| host.status == HostStatus::Disconnected))
    }
}

/// Told on every node, since any may have something to do on the host.
#[async_trait]
impl OnEvent<HostStatusChanged> for Kvm {
    async fn on_event(&self, event: HostStatusChanged) -> Result<(), ErrorCode> {
        if event.new == HostStatus::Disconnected {
            self.gateway.suspect(event.host);
        }
        Ok(())
    }
}

/// The watch takes a while to find a host away, and until then the host with the fewest VMs would be the one on which none
/// starts: every VM would be sent there.
#[async_trait]
impl HostFilter for Kvm {
    fn name(&self) -> &'static str {
        "agent-answers"
    }

    async fn refused(
        &self,
        _: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let silent = candidates.iter().filter_map(|host| {
            let seconds = self.gateway.silent_for(host.host)?.as_secs();
            (seconds >= RESTART_S).then(|| (host.host, format!("its agent has not answered for {seconds} s")))
        });
        Ok(silent.collect())
    }
}
