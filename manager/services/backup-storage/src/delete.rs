//! `DeleteBackupStorage`. Its images lose their copies there; the files stay on the machine.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{api::backup_storage::DeleteBackupStorage, resource::BackupStorage};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::CascadeAction,
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
    async fn affected(&self, _losing: &str, _uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        // Backup storages hang on nothing: a zone that goes only loses sight of them.
        Ok(vec![])
    }

    async fn act(&self, _losing: &str, uuids: &[Uuid], enforcing: bool) -> Result<(), ErrorCode> {
        for uuid in uuids {
            let Some(storage) = self.store.find(*uuid).await? else { continue };
            match self.driver(&storage.r#type)?.disconnect(*uuid).await {
                Err(error) if enforcing => {
                    tracing::warn!(storage = %uuid, %error, "a deleted backup storage stays connected");
                }
                outcome => outcome?,
            }
        }
        Ok(self.store.remove(uuids).await?)
    }
}

/// Attachments, which go with their zone. They have no ids of their own: the cascade carries the zones'.
pub(crate) struct ZoneRefs(pub(crate) Arc<BackupStorages>);

#[async_trait]
impl CascadeAction for ZoneRefs {
    async fn affected(&self, _losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(self.0.store.attached_zones(uuids).await?)
    }

    async fn act(&self, _losing: &str, zones: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.0.store.detach_all(zones).await?)
    }
}
