//! Hosts that come. What happens when they go is part of the cascade.

use async_trait::async_trait;
use cumulo_contracts::ext::host::OnHostConnected;
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
