//! `DeleteL2Network`, and what L2 networks do when zones, accounts and clusters go.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::l2::DeleteL2Network,
    resource::{L2Network, Zone},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::CascadeAction,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::{Networks, store};

#[async_trait]
impl HandleApi<DeleteL2Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: DeleteL2Network) -> Result<Empty, ErrorCode> {
        self.kernel.cascade().delete(L2Network::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

/// L2 networks in the cascade: they go with their zone and their owner.
pub(crate) struct L2s(pub(crate) Arc<Networks>);

#[async_trait]
impl CascadeAction for L2s {
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        let db = self.0.kernel.db();
        if losing == Zone::META.vo {
            let l2s = store::l2s_of_zones(db, uuids).await?;
            return Ok(l2s.into_iter().map(|l2| l2.uuid).collect());
        }
        Ok(store::owned(db, L2Network::META.vo, uuids).await?)
    }

    async fn act(&self, _: &str, uuids: &[Uuid], enforcing: bool) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        for uuid in uuids {
            let Some(l2) = db.find(L2Network::UUID, uuid).await? else { continue };
            let clusters = store::clusters_of(db, *uuid).await?;
            self.0.remove_from(&l2, &clusters, Uuid::random(), enforcing).await?;
            store::remove_l2(db, *uuid).await?;
        }
        Ok(())
    }
}

/// Attachments in the cascade: they go with their cluster. Its hosts go with it as well, and keep their bridges.
pub(crate) struct Attachments(pub(crate) Arc<Networks>);

#[async_trait]
impl CascadeAction for Attachments {
    /// Attachments have no id; those of a cluster stand under the cluster's.
    async fn affected(&self, _: &str, clusters: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        let attached = store::attachments_in(self.0.kernel.db(), clusters).await?;
        let has = |cluster: &&Uuid| attached.iter().any(|attached| attached.cluster_uuid == **cluster);
        Ok(clusters.iter().filter(has).copied().collect())
    }

    async fn act(&self, _: &str, clusters: &[Uuid], _: bool) -> Result<(), ErrorCode> {
        Ok(store::detach_all_from(self.0.kernel.db(), clusters).await?)
    }
}
