//! `UpdateSftpBackupStorage`. A new machine or login is used from the next reconnection on.

use async_trait::async_trait;
use cumulo_contracts::{api::backup_storage::UpdateSftpBackupStorage, resource::BackupStorage};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::{
    BackupStorages,
    add_sftp::{hostname, username},
};

#[async_trait]
impl HandleApi<UpdateSftpBackupStorage> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: UpdateSftpBackupStorage) -> Result<Inventory<BackupStorage>, ErrorCode> {
        if let Some(name) = &api.hostname {
            hostname(name)?;
            if let Some(other) = self.store.by_hostname(name).await?.filter(|other| *other != api.uuid) {
                let text = format!("backup storage {other} is on {name} already; name another machine");
                return Err(ErrorCode::new(codes::OPERATION, text));
            }
        }
        api.username.as_deref().map_or(Ok(()), username)?;
        let sealed_password = api.password.as_ref().map(|password| self.kernel.vault().seal(password));
        self.store.update(api.uuid, api.name.as_ref(), api.description.as_ref()).await?;
        self.store.update_sftp(&api, sealed_password.as_ref()).await?;
        cx.inventory::<BackupStorage>(&api.uuid).await
    }
}
