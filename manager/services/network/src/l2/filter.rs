//! A VM can only start where the L2 networks of all its NICs are.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use cumulo_contracts::ext::host::{HostCandidate, HostFilter, HostRequest};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Networks, store};

#[async_trait]
impl HostFilter for Networks {
    fn name(&self) -> &'static str {
        "attached-l2-network"
    }

    async fn refused(
        &self,
        request: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let db = self.kernel.db();
        let wanted: BTreeSet<Uuid> = request.l3s.iter().copied().collect();
        let l3s = store::l3s(db, &wanted.iter().copied().collect::<Vec<_>>()).await?;
        if let Some(missing) = wanted.iter().find(|uuid| l3s.iter().all(|l3| l3.uuid != **uuid)) {
            return Err(ErrorCode::not_found("L3Network", missing));
        }
        let clusters: BTreeSet<Uuid> = candidates.iter().map(|candidate| candidate.cluster).collect();
        let clusters: Vec<Uuid> = clusters.into_iter().collect();
        if l3s.is_empty() || clusters.is_empty() {
            return Ok(BTreeMap::new());
        }
        let attached: BTreeSet<(Uuid, Uuid)> = store::attachments_in(db, &clusters)
            .await?
            .iter()
            .map(|attached| (attached.cluster_uuid, attached.l2_network_uuid))
            .collect();
        let mut refused = BTreeMap::new();
        for candidate in candidates {
            let lacking = l3s.iter().filter(|l3| !attached.contains(&(candidate.cluster, l3.l2_network_uuid)));
            let lacking: Vec<String> = lacking
                .map(|l3| format!("L3 network '{}' ({}) on L2 network {}", l3.name, l3.uuid, l3.l2_network_uuid))
                .collect();
            if !lacking.is_empty() {
                let reason = format!("its cluster {} lacks {}", candidate.cluster, lacking.join(" and "));
                refused.insert(candidate.host, reason);
            }
        }
        Ok(refused)
    }
}
