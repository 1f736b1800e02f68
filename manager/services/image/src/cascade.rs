//! What images do when something they need goes.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{BackupStorage, Image};
use cumulo_kernel::cascade::CascadeAction;
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::Images;

pub(crate) const ACCOUNT: &str = "AccountVO";

#[async_trait]
impl CascadeAction for Images {
    /// With a backup storage go the images that are nowhere else.
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(match losing {
            losing if losing == BackupStorage::META.vo => self.store.only_on(uuids).await?,
            ACCOUNT => self.store.owned_by(uuids).await?,
            _ => vec![],
        })
    }

    async fn act(&self, losing: &str, uuids: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        match losing {
            losing if losing == Image::META.vo => {
                for image in uuids {
                    self.delete(*image, None, Uuid::random()).await?;
                }
            }
            // Nobody is left who could recover it.
            ACCOUNT => {
                for image in uuids {
                    self.expunge(&self.store.copies(*image).await?, Uuid::random()).await?;
                }
                self.store.remove(uuids).await?;
            }
            // The storage keeps its files; only the record goes.
            _ => self.store.remove(uuids).await?,
        }
        Ok(())
    }
}

/// References, which go with their backup storage. They have no ids of their own: the cascade carries the storages'.
pub(crate) struct Copies(pub(crate) Arc<Images>);

#[async_trait]
impl CascadeAction for Copies {
    async fn affected(&self, _losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(self.0.store.storages_in_use(uuids).await?)
    }

    async fn act(&self, _losing: &str, storages: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.0.store.remove_refs(storages).await?)
    }
}
