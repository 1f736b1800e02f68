//! `GetPrimaryStorageCapacity`: sums over storages, by any mix of zones, clusters and ids.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::{GetPrimaryStorageCapacity, GetPrimaryStorageCapacityReply},
    resource::PrimaryStorage,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Uuid};

use crate::PrimaryStorages;

#[async_trait]
impl HandleApi<GetPrimaryStorageCapacity> for PrimaryStorages {
    async fn handle(
        &self,
        _: &ApiCx,
        api: GetPrimaryStorageCapacity,
    ) -> Result<GetPrimaryStorageCapacityReply, ErrorCode> {
        let given = |list: Option<Vec<Uuid>>| list.filter(|list| !list.is_empty());
        let (zones, clusters) = (given(api.zone_uuids), given(api.cluster_uuids));
        let storages = given(api.primary_storage_uuids);
        if !api.all && zones.is_none() && clusters.is_none() && storages.is_none() {
            let text = "say of what: give zoneUuids, clusterUuids or primaryStorageUuids, or all=true";
            return Err(ErrorCode::invalid(text));
        }
        let mut found = self.store.all().await?;
        if !api.all {
            let attached: Option<Vec<Uuid>> = match &clusters {
                Some(clusters) => {
                    let refs = self.store.attached_to(clusters).await?;
                    Some(refs.into_iter().map(|at| at.primary_storage_uuid).collect())
                }
                None => None,
            };
            let within = |list: &Option<Vec<Uuid>>, uuid: Uuid| list.as_ref().is_none_or(|list| list.contains(&uuid));
            found.retain(|storage| {
                within(&zones, storage.zone_uuid) && within(&attached, storage.uuid) && within(&storages, storage.uuid)
            });
        }
        let sum = |of: fn(&PrimaryStorage) -> i64| Some(found.iter().map(of).sum());
        Ok(GetPrimaryStorageCapacityReply {
            total_capacity: sum(|storage| storage.total_capacity),
            available_capacity: sum(|storage| storage.available_capacity),
            total_physical_capacity: sum(|storage| storage.total_physical_capacity),
            available_physical_capacity: sum(|storage| storage.available_physical_capacity),
        })
    }
}
