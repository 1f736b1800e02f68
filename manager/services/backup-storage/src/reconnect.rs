//! `ReconnectBackupStorage` and `ReconnectSftpBackupStorage`: bring the agent up to date and connect again.

use async_trait::async_trait;
use cumulo_contracts::{
    api::backup_storage::{ReconnectBackupStorage, ReconnectSftpBackupStorage},
    resource::{BackupStorage, SftpBackupStorage},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::BackupStorages;

#[async_trait]
impl HandleApi<ReconnectBackupStorage> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: ReconnectBackupStorage) -> Result<Inventory<BackupStorage>, ErrorCode> {
        self.reconnect(&self.store.get(api.uuid).await?, true).await?;
        cx.inventory::<BackupStorage>(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<ReconnectSftpBackupStorage> for BackupStorages {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: ReconnectSftpBackupStorage,
    ) -> Result<Inventory<SftpBackupStorage>, ErrorCode> {
        self.reconnect(&self.store.get(api.uuid).await?, true).await?;
        cx.inventory::<SftpBackupStorage>(&api.uuid).await
    }
}
