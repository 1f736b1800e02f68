//! `GetBackupStorageTypes`: what the installed plugins serve.

use async_trait::async_trait;
use cumulo_contracts::{
    api::backup_storage::{GetBackupStorageTypes, GetBackupStorageTypesReply},
    ext::storage::BackupStorageDriver,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::BackupStorages;

#[async_trait]
impl HandleApi<GetBackupStorageTypes> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, _: GetBackupStorageTypes) -> Result<GetBackupStorageTypesReply, ErrorCode> {
        Ok(GetBackupStorageTypesReply { types: cx.kernel().registry().kinds::<dyn BackupStorageDriver>() })
    }
}
