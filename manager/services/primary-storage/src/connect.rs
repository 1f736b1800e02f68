//! Making a storage usable on hosts: what attaching, reconnecting, a host's connection and the rounds share.

use cumulo_contracts::resource::{Host, PrimaryStorage};
use cumulo_schema::{ErrorCode, Uuid};
use futures::{StreamExt, stream};

use crate::{PrimaryStorages, config};

impl PrimaryStorages {
    /// Makes `storage` usable on `host` and counts what it has there.
    pub(crate) async fn connect(&self, storage: &PrimaryStorage, host: Uuid) -> Result<(), ErrorCode> {
        let driver = self.driver(&storage.r#type)?;
        let capacity = driver.connect_host(storage, host).await?;
        match driver.is_per_host() {
            true => self.store.host_has(storage.uuid, host, capacity).await?,
            false => self.store.shared_has(&self.store.get(storage.uuid).await?, capacity).await?,
        }
        Ok(())
    }

    /// [`PrimaryStorages::connect`] on many hosts at once; one outcome a host.
    pub(crate) async fn connect_all(
        &self,
        storage: &PrimaryStorage,
        hosts: &[Host],
    ) -> Result<Vec<(Uuid, Result<(), ErrorCode>)>, ErrorCode> {
        let parallelism = config::ping_parallelism(&self.kernel)?;
        let connect = |host: Host| async move {
            let outcome = self.connect(storage, host.uuid).await.map_err(|cause| {
                let (name, url) = (&storage.name, &storage.url);
                let text = format!(
                    "primary storage {name}[uuid:{}, url:{url}] cannot be used on host {}[uuid:{}]: {}",
                    storage.uuid, host.name, host.uuid, cause.details
                );
                ErrorCode::operation(text).because(cause)
            });
            (host.uuid, outcome)
        };
        Ok(stream::iter(hosts.to_vec()).map(connect).buffer_unordered(parallelism).collect().await)
    }
}
