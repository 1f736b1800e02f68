//! `AttachBackupStorageToZone` and `DetachBackupStorageFromZone`: whose hosts may fetch images from it. Attached or
//! detached already is success: that is also how a repeated call finds it.

use async_trait::async_trait;
use cumulo_contracts::{
    api::backup_storage::{AttachBackupStorageToZone, DetachBackupStorageFromZone},
    resource::BackupStorage,
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::BackupStorages;

#[async_trait]
impl HandleApi<AttachBackupStorageToZone> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: AttachBackupStorageToZone) -> Result<Inventory<BackupStorage>, ErrorCode> {
        match self.store.attach(api.backup_storage_uuid, api.zone_uuid).await {
            Ok(()) | Err(DbError::Conflict { .. }) => cx.inventory::<BackupStorage>(&api.backup_storage_uuid).await,
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl HandleApi<DetachBackupStorageFromZone> for BackupStorages {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: DetachBackupStorageFromZone,
    ) -> Result<Inventory<BackupStorage>, ErrorCode> {
        self.store.detach(api.backup_storage_uuid, api.zone_uuid).await?;
        cx.inventory::<BackupStorage>(&api.backup_storage_uuid).await
    }
}
