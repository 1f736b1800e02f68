//! `DeleteL2Network`, and what L2 networks do when zones and accounts go.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::l2::DeleteL2Network,
    resource::{Cluster, L2Network, Zone},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, hanging_on, owned_by},
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
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        let db = self.0.kernel.db();
        match loss.losing == Zone::META.vo {
            true => Ok(hanging_on(db, L2Network::ZONE_UUID, loss.uuids).await?),
            false => Ok(owned_by(db, L2Network::META.vo, loss.uuids).await?),
        }
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        for uuid in work.uuids {
            let Some(l2) = db.find(L2Network::UUID, uuid).await? else { continue };
            // Hosts of clusters that go too are left with their bridges.
            let mut clusters = store::clusters_of(db, *uuid).await?;
            clusters.retain(|cluster| !work.doomed.has(Cluster::META.vo, *cluster));
            self.0.remove_from(&l2, &clusters, Uuid::random(), work.enforcing).await?;
        }
        Ok(self.0.kernel.cascade().remove(L2Network::META, work.uuids).await?)
    }
}
