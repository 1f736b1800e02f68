//! Records that go with their primary storage. They have no ids that anybody else knows: the cascade carries the storages'.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_kernel::cascade::CascadeAction;
use cumulo_schema::{ErrorCode, Uuid};

use crate::LocalStorage;

/// Copies of images.
pub(crate) struct Cached(pub(crate) Arc<LocalStorage>);

#[async_trait]
impl CascadeAction for Cached {
    async fn affected(&self, _losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(self.0.store.with_copies(uuids).await?)
    }

    async fn act(&self, _losing: &str, storages: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.0.store.forget_copies(storages).await?)
    }
}

/// The places of volumes.
pub(crate) struct Placed(pub(crate) Arc<LocalStorage>);

#[async_trait]
impl CascadeAction for Placed {
    async fn affected(&self, _losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(self.0.store.with_volumes(uuids).await?)
    }

    async fn act(&self, _losing: &str, storages: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.0.store.forget_volumes(storages).await?)
    }
}
