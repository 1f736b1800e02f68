//! `UpdateBackupStorage`.

use async_trait::async_trait;
use cumulo_contracts::{api::backup_storage::UpdateBackupStorage, resource::BackupStorage};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::BackupStorages;

#[async_trait]
impl HandleApi<UpdateBackupStorage> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: UpdateBackupStorage) -> Result<Inventory<BackupStorage>, ErrorCode> {
        self.store.update(api.uuid, api.name.as_ref(), api.description.as_ref()).await?;
        cx.inventory::<BackupStorage>(&api.uuid).await
    }
}
