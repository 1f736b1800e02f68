//! `UpdateCluster`.

use async_trait::async_trait;
use cumulo_contracts::{api::cluster::UpdateCluster, resource::Cluster};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Clusters;

#[async_trait]
impl HandleApi<UpdateCluster> for Clusters {
    async fn handle(&self, cx: &ApiCx, api: UpdateCluster) -> Result<Inventory<Cluster>, ErrorCode> {
        self.store.update(&api).await?;
        cx.inventory::<Cluster>(&api.uuid).await
    }
}
