//! Hosts that come and go.

use async_trait::async_trait;
use cumulo_contracts::ext::host::{BeforeHostDelete, OnHostConnected};
use cumulo_schema::{ErrorCode, Uuid};

use crate::PrimaryStorages;

#[async_trait]
impl OnHostConnected for PrimaryStorages {
    /// Makes every storage of the host's cluster usable there.
    async fn host_connected(&self, host: Uuid) -> Result<(), ErrorCode> {
        let host = self.store.host(host).await?;
        let attached = self.store.attached_to(&[host.cluster_uuid]).await?;
        let storages: Vec<Uuid> = attached.into_iter().map(|at| at.primary_storage_uuid).collect();
        for storage in self.store.some(&storages).await? {
            for (_, outcome) in self.connect_all(&storage, std::slice::from_ref(&host)).await? {
                outcome?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl BeforeHostDelete for PrimaryStorages {
    /// The host's space goes with it, and so does what was held there.
    async fn before_host_delete(&self, host: Uuid) -> Result<(), ErrorCode> {
        for part in self.store.host_refs(&[host]).await? {
            self.store.host_leaves(part.primary_storage_uuid, host, true).await?;
        }
        self.store.forget_host(host).await?;
        Ok(())
    }
}
