//! The part of host allocation that is about zones: nothing starts in one that is disabled.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::ext::host::{HostCandidate, HostFilter, HostRequest};
use cumulo_schema::{ErrorCode, Uuid};

use crate::Zones;

#[async_trait]
impl HostFilter for Zones {
    fn name(&self) -> &'static str {
        "zone-state"
    }

    async fn refused(
        &self,
        _: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let mut zones: Vec<Uuid> = candidates.iter().map(|candidate| candidate.zone).collect();
        zones.sort_unstable();
        zones.dedup();
        let disabled = self.store.disabled_among(&zones).await?;
        let refusal = |candidate: &HostCandidate| {
            let zone = disabled.iter().find(|zone| zone.uuid == candidate.zone)?;
            Some((candidate.host, format!("its zone '{}' ({}) is disabled", zone.name, zone.uuid)))
        };
        Ok(candidates.iter().filter_map(refusal).collect())
    }
}
