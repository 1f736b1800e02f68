//! `ReconnectPrimaryStorage`: asks every connected host of its clusters anew.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::ReconnectPrimaryStorage,
    message::storage::PrimaryStorageStatusChanged,
    resource::{PrimaryStorage, StorageStatus},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::PrimaryStorages;

#[async_trait]
impl HandleApi<ReconnectPrimaryStorage> for PrimaryStorages {
    async fn handle(&self, cx: &ApiCx, api: ReconnectPrimaryStorage) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        let storage = self.store.get(api.uuid).await?;
        self.look_at(&storage).await?.map_or(Ok(()), Err)?;
        cx.inventory::<PrimaryStorage>(&api.uuid).await
    }
}

impl PrimaryStorages {
    /// Connects a storage on every connected host of its clusters and records what it is: connected as long as one host
    /// can use it, or none was there to ask. Answers why it is not.
    pub(crate) async fn look_at(&self, storage: &PrimaryStorage) -> Result<Option<ErrorCode>, ErrorCode> {
        let attachments = self.store.attachments(storage.uuid).await?;
        let clusters: Vec<Uuid> = attachments.into_iter().map(|attachment| attachment.cluster_uuid).collect();
        let hosts = self.store.connected_hosts_of(&clusters).await?;
        let mut outcomes = self.connect_all(storage, &hosts).await?;
        for (host, outcome) in &outcomes {
            if let Err(error) = outcome {
                tracing::warn!(storage = %storage.uuid, %host, %error, "a host cannot use a primary storage");
            }
        }
        let lost = !outcomes.is_empty() && outcomes.iter().all(|(_, outcome)| outcome.is_err());
        let status = if lost { StorageStatus::Disconnected } else { StorageStatus::Connected };
        if status != storage.status {
            tracing::info!(storage = %storage.uuid, %status, "a primary storage changed its status");
            self.store.set_status(storage.uuid, status).await?;
            let changed =
                PrimaryStorageStatusChanged { primary_storage: storage.uuid, old: storage.status, new: status };
            self.kernel.bus().publish(&changed);
        }
        Ok(if lost { outcomes.pop().and_then(|(_, outcome)| outcome.err()) } else { None })
    }
}
