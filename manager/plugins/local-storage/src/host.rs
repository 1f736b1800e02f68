//! A host that goes takes its disk along.

use async_trait::async_trait;
use cumulo_contracts::ext::host::BeforeHostDelete;
use cumulo_schema::{ErrorCode, Uuid};

use crate::LocalStorage;

#[async_trait]
impl BeforeHostDelete for LocalStorage {
    async fn before_host_delete(&self, host: Uuid) -> Result<(), ErrorCode> {
        Ok(self.store.forget_host(host).await?)
    }
}
