//! Files go with their primary storage. They have no ids that anybody else knows: the cascade carries the storages'.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_kernel::cascade::CascadeAction;
use cumulo_schema::{ErrorCode, Uuid};

use crate::Simulator;

/// What is on primary storages.
pub(crate) struct Files(pub(crate) Arc<Simulator>);

#[async_trait]
impl CascadeAction for Files {
    async fn affected(&self, _losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(self.0.store.known_storages(uuids).await?)
    }

    async fn act(&self, _losing: &str, storages: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.0.store.forget_storages(storages).await?)
    }
}
