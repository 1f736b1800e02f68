//! What the agent tells about its host unasked.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_agent_rt::{AgentError, Chain, ReportSource};
use cumulo_proto::{Report, VmOnHost};
use tokio::sync::Notify;
use tracing::warn;

use crate::{HostError, KvmHost};

#[async_trait]
impl ReportSource for KvmHost {
    async fn look(&self) -> Result<Report, AgentError> {
        let mut storages = Vec::new();
        for root in self.roots.all() {
            match self.disks.capacity(&root).await {
                Ok(capacity) => storages.push(capacity),
                // A storage that cannot be read is missing from the report, which is how the manager learns of it.
                Err(error) => warn!(error = %Chain(&error), "could not look at a storage"),
            }
        }
        let memory = self.facts.memory().await?;
        Ok(Report { vms: self.vms().await?, memory: Some(memory), storages, ..Report::default() })
    }

    fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }
}

impl KvmHost {
    /// The VMs on the host, as reports tell them.
    pub(crate) async fn vms(&self) -> Result<Vec<VmOnHost>, HostError> {
        let vms = self.domains.list().await?;
        Ok(vms.into_iter().map(|(vm, state)| VmOnHost { uuid: vm.into(), state: state.to_proto().into() }).collect())
    }
}
