//! `GetBackupStorageCapacity`: sums over storages, by zones and ids.

use async_trait::async_trait;
use cumulo_contracts::api::backup_storage::{GetBackupStorageCapacity, GetBackupStorageCapacityReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Uuid};

use crate::BackupStorages;

#[async_trait]
impl HandleApi<GetBackupStorageCapacity> for BackupStorages {
    async fn handle(
        &self,
        _: &ApiCx,
        api: GetBackupStorageCapacity,
    ) -> Result<GetBackupStorageCapacityReply, ErrorCode> {
        let given = |list: Option<Vec<Uuid>>| list.filter(|list| !list.is_empty());
        let (zones, storages) = (given(api.zone_uuids), given(api.backup_storage_uuids));
        if !api.all && zones.is_none() && storages.is_none() {
            return Err(ErrorCode::invalid("say of what: give zoneUuids or backupStorageUuids, or all=true"));
        }
        let mut found = self.store.all().await?;
        if !api.all {
            let attached = match &zones {
                Some(zones) => Some(self.store.attached_to(zones).await?),
                None => None,
            };
            let within = |list: &Option<Vec<Uuid>>, uuid: Uuid| list.as_ref().is_none_or(|list| list.contains(&uuid));
            found.retain(|storage| within(&attached, storage.uuid) && within(&storages, storage.uuid));
        }
        Ok(GetBackupStorageCapacityReply {
            total_capacity: Some(found.iter().map(|storage| storage.total_capacity).sum()),
            available_capacity: Some(found.iter().map(|storage| storage.available_capacity).sum()),
        })
    }
}
