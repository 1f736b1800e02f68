//! What the agent tells about its host unasked: the space of its storages.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_agent_rt::{AgentError, Chain, ReportSource};
use cumulo_proto::Report;
use tokio::sync::Notify;
use tracing::warn;

use crate::StorageHost;

#[async_trait]
impl ReportSource for StorageHost {
    async fn look(&self) -> Result<Report, AgentError> {
        let mut storages = Vec::new();
        for root in self.roots.all() {
            match self.disks.capacity(&root).await {
                Ok(capacity) => storages.push(capacity),
                Err(error) => warn!(error = %Chain(&error), "could not look at a storage"),
            }
        }
        Ok(Report { storages, ..Report::default() })
    }

    fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }
}
