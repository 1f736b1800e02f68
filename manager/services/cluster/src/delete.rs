//! `DeleteCluster`, and what becomes of clusters whose zone goes: the same.

use async_trait::async_trait;
use cumulo_contracts::{
    api::cluster::DeleteCluster,
    resource::{Cluster, Zone},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::CascadeAction,
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
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        match losing == Zone::META.vo {
            true => Ok(self.store.in_zones(uuids).await?),
            false => Ok(vec![]),
        }
    }

    async fn act(&self, _losing: &str, uuids: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.store.remove(uuids).await?)
    }
}
