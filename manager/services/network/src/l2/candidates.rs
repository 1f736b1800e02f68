//! `GetCandidateL2NetworksForAttachingCluster` and `GetCandidateClustersForAttachingL2Network`: what an attachment would
//! not refuse.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l2_candidates::{
        GetCandidateClustersForAttachingL2Network, GetCandidateClustersForAttachingL2NetworkReply,
        GetCandidateL2NetworksForAttachingCluster, GetCandidateL2NetworksForAttachingClusterReply,
    },
    resource::{Cluster, L2Network},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use super::attach::same_wire;
use crate::{Networks, store};

/// Which part of a list is wanted.
struct Page {
    start: usize,
    limit: usize,
}

impl Page {
    fn of(start: Option<i32>, limit: Option<i32>) -> Result<Self, ErrorCode> {
        let number = |name: &str, value: Option<i32>, default| match value {
            None => Ok(default),
            Some(value) => {
                usize::try_from(value).map_err(|_| ErrorCode::invalid(format!("{name} {value} must not be below 0")))
            }
        };
        Ok(Self { start: number("start", start, 0)?, limit: number("limit", limit, 1000)? })
    }

    fn cut<T>(&self, all: impl Iterator<Item = T>) -> Vec<T> {
        all.skip(self.start).take(self.limit).collect()
    }
}

#[async_trait]
impl HandleApi<GetCandidateL2NetworksForAttachingCluster> for Networks {
    async fn handle(
        &self,
        _: &ApiCx,
        api: GetCandidateL2NetworksForAttachingCluster,
    ) -> Result<GetCandidateL2NetworksForAttachingClusterReply, ErrorCode> {
        let (db, page) = (self.kernel.db(), Page::of(api.start, api.limit)?);
        let cluster = store::cluster(db, api.cluster_uuid).await?;
        let there = store::l2s_in(db, cluster.uuid).await?;
        let all = store::l2s_of_zone(db, cluster.zone_uuid).await?;
        let free = all.iter().filter(|l2| !there.iter().any(|other| other.uuid == l2.uuid || same_wire(other, l2)));
        Ok(GetCandidateL2NetworksForAttachingClusterReply { inventories: page.cut(free.map(data)) })
    }
}

fn data(l2: &L2Network) -> Value {
    let mut data = json!({
        "uuid": l2.uuid,
        "name": l2.name,
        "zoneUuid": l2.zone_uuid,
        "physicalInterface": l2.physical_interface,
        "type": l2.r#type,
        "createDate": l2.create_date,
        "lastOpDate": l2.last_op_date,
    });
    if let Some(description) = &l2.description {
        data["description"] = json!(description);
    }
    if l2.virtual_network_id != 0 {
        data["vlan"] = json!(l2.virtual_network_id);
    }
    data
}

#[async_trait]
impl HandleApi<GetCandidateClustersForAttachingL2Network> for Networks {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetCandidateClustersForAttachingL2Network,
    ) -> Result<GetCandidateClustersForAttachingL2NetworkReply, ErrorCode> {
        let page = Page::of(api.start, api.limit)?;
        let l2 = store::l2(self.kernel.db(), api.l2_network_uuid).await?;
        let wanted = |cluster: &Cluster| {
            api.cluster_types.as_ref().is_none_or(|types| types.is_empty() || types.contains(&cluster.hypervisor_type))
        };
        let free = self.clusters_without(&l2).await?;
        let mut inventories = Vec::new();
        for cluster in page.cut(free.into_iter().filter(wanted)) {
            inventories.push(cx.inventory::<Cluster>(&cluster.uuid).await?.inventory);
        }
        Ok(GetCandidateClustersForAttachingL2NetworkReply { inventories })
    }
}

impl Networks {
    /// The clusters of the zone in which neither `l2` is nor another network on the same wire.
    async fn clusters_without(&self, l2: &L2Network) -> Result<Vec<Cluster>, ErrorCode> {
        let db = self.kernel.db();
        let mut clusters = store::clusters_of_zone(db, l2.zone_uuid).await?;
        let uuids: Vec<Uuid> = clusters.iter().map(|cluster| cluster.uuid).collect();
        let attached = store::attachments_in(db, &uuids).await?;
        let rivals = store::l2s_of_zone(db, l2.zone_uuid).await?;
        let in_the_way = |uuid: Uuid| rivals.iter().any(|other| other.uuid == uuid && same_wire(other, l2));
        let taken = |cluster: &Cluster| {
            let mut here = attached.iter().filter(|row| row.cluster_uuid == cluster.uuid);
            here.any(|row| row.l2_network_uuid == l2.uuid || in_the_way(row.l2_network_uuid))
        };
        clusters.retain(|cluster| !taken(cluster));
        Ok(clusters)
    }
}
