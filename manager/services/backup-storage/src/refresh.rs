//! `RefreshBackupStorage`.

use async_trait::async_trait;
use cumulo_contracts::message::backup_storage::RefreshBackupStorage;
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::BackupStorages;

#[async_trait]
impl Handle<RefreshBackupStorage> for BackupStorages {
    async fn handle(&self, message: RefreshBackupStorage) -> Result<(), ErrorCode> {
        let storage = self.store.get(message.backup_storage).await?;
        let capacity = self.reach(&storage, false).await?;
        Ok(self.store.set_capacity(storage.uuid, capacity).await?)
    }
}
