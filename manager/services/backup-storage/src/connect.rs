//! Connecting: what adding, reconnecting, refreshing and the pings share.

use cumulo_contracts::{
    ext::storage::Capacity,
    resource::{BackupStorage, StorageStatus},
};
use cumulo_schema::{ErrorCode, codes};

use crate::BackupStorages;

impl BackupStorages {
    /// Has the driver connect, in the storage's turn.
    pub(crate) async fn reach(&self, storage: &BackupStorage, deploy: bool) -> Result<Capacity, ErrorCode> {
        let driver = self.driver(&storage.r#type)?;
        let connected = self.kernel.queues().run(&Self::lane(storage.uuid), 1, driver.connect(storage, deploy)).await;
        connected.map_err(|cause| {
            let text = format!(
                "backup storage {}[uuid:{}] cannot be connected: {}",
                storage.name, storage.uuid, cause.details
            );
            ErrorCode::new(codes::OPERATION, text).because(cause)
        })
    }

    /// Connects again and records how it went. What could not be cleaned up while the storage was away is tried then.
    pub(crate) async fn reconnect(&self, storage: &BackupStorage, deploy: bool) -> Result<(), ErrorCode> {
        self.store.set_status(storage.uuid, StorageStatus::Connecting).await?;
        match self.reach(storage, deploy).await {
            Ok(capacity) => {
                self.store.connected(storage.uuid, capacity).await?;
                self.kernel.debts().due(storage.uuid).await
            }
            Err(error) => {
                self.store.set_status(storage.uuid, StorageStatus::Disconnected).await?;
                Err(error)
            }
        }
    }
}
