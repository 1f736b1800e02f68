//! The part of host allocation that is about clusters: one that is disabled takes no virtual machines.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::ext::host::{HostCandidate, HostFilter, HostRequest};
use cumulo_schema::{ErrorCode, Uuid};

use crate::Clusters;

#[async_trait]
impl HostFilter for Clusters {
    fn name(&self) -> &'static str {
        "cluster-state"
    }

    async fn refused(
        &self,
        _: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let mut clusters: Vec<Uuid> = candidates.iter().map(|candidate| candidate.cluster).collect();
        clusters.sort_unstable();
        clusters.dedup();
        let disabled = self.store.disabled_among(&clusters).await?;
        let refusal = |candidate: &HostCandidate| {
            let cluster = disabled.iter().find(|cluster| cluster.uuid == candidate.cluster)?;
            Some((candidate.host, format!("its cluster '{}' ({}) is disabled", cluster.name, cluster.uuid)))
        };
        Ok(candidates.iter().filter_map(refusal).collect())
    }
}
