//! `DeleteCluster`, and what becomes of clusters whose zone goes: the same.

use async_trait::async_trait;
use cumulo_contracts::{api::cluster::DeleteCluster, resource::Cluster};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, hanging_on},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::Clusters;

#[async_trait]
impl HandleApi<DeleteCluster> for Clusters {
    async fn handle(&self, cx: &ApiCx, api: DeleteCluster) -> Result<Empty, ErrorCode> {
        self.kernel.cascade().delete(Cluster::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for Clusters {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Zones are all that they hang on.
        Ok(hanging_on(self.kernel.db(), Cluster::ZONE_UUID, loss.uuids).await?)
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        Ok(self.kernel.cascade().remove(Cluster::META, work.uuids).await?)
    }
}
