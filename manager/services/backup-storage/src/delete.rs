//! `DeleteBackupStorage`. Its images lose their copies there; the files stay on the machine.

use async_trait::async_trait;
use cumulo_contracts::{api::backup_storage::DeleteBackupStorage, resource::BackupStorage};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::BackupStorages;

#[async_trait]
impl HandleApi<DeleteBackupStorage> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: DeleteBackupStorage) -> Result<Empty, ErrorCode> {
        // What is gone is deleted, and what is no id was never there.
        let Ok(uuid) = api.uuid.parse::<Uuid>() else { return Ok(Empty {}) };
        if self.store.find(uuid).await?.is_some() {
            self.kernel.cascade().delete(BackupStorage::META.vo, vec![uuid], cx.enforcing).await?;
        }
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for BackupStorages {
    async fn affected(&self, _: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Backup storages hang on nothing: a zone that goes only loses sight of them.
        Ok(vec![])
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        for uuid in work.uuids {
            let Some(storage) = self.store.find(*uuid).await? else { continue };
            match self.driver(&storage.r#type)?.disconnect(*uuid).await {
                Err(error) if work.enforcing => {
                    tracing::warn!(storage = %uuid, %error, "a deleted backup storage stays connected");
                }
                outcome => outcome?,
            }
        }
        Ok(self.kernel.cascade().remove(BackupStorage::META, work.uuids).await?)
    }
}
