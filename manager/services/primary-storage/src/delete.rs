//! `DeletePrimaryStorage`, and what becomes of storages whose zone goes: the same. Files on hosts stay.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::DeletePrimaryStorage,
    resource::{PrimaryStorage, Zone},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::CascadeAction,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::PrimaryStorages;

#[async_trait]
impl HandleApi<DeletePrimaryStorage> for PrimaryStorages {
    async fn handle(&self, cx: &ApiCx, api: DeletePrimaryStorage) -> Result<Empty, ErrorCode> {
        // What is gone is deleted, and what is no id was never there.
        let Ok(uuid) = api.uuid.parse::<Uuid>() else { return Ok(Empty {}) };
        let Some(storage) = self.store.find(uuid).await? else { return Ok(Empty {}) };
        let clusters = self.store.attachments(uuid).await?;
        if !clusters.is_empty() && !cx.enforcing {
            let clusters: Vec<String> = clusters.iter().map(|at| at.cluster_uuid.to_string()).collect();
            return Err(ErrorCode::operation(format!(
                "primary storage {}[uuid:{uuid}] is attached to cluster {}; detach it first",
                storage.name,
                clusters.join(", ")
            )));
        }
        self.kernel.cascade().delete(PrimaryStorage::META.vo, vec![uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for PrimaryStorages {
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        match losing == Zone::META.vo {
            true => Ok(self.store.in_zones(uuids).await?.into_iter().map(|storage| storage.uuid).collect()),
            false => Ok(vec![]),
        }
    }

    async fn act(&self, _losing: &str, uuids: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.store.remove(uuids).await?)
    }
}

/// Attachments, which go with their cluster. They have no ids of their own: the cascade carries the clusters'.
pub(crate) struct ClusterRefs(pub(crate) Arc<PrimaryStorages>);

#[async_trait]
impl CascadeAction for ClusterRefs {
    async fn affected(&self, _losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        let mut clusters: Vec<Uuid> =
            self.0.store.attached_to(uuids).await?.into_iter().map(|at| at.cluster_uuid).collect();
        clusters.sort_unstable();
        clusters.dedup();
        Ok(clusters)
    }

    async fn act(&self, _losing: &str, clusters: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.0.store.detach_all(clusters).await?)
    }
}
