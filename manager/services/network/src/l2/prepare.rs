//! Before a VM starts: its networks are on the host.

use async_trait::async_trait;
use cumulo_contracts::message::network::{NetworkOnHost, PrepareNetworks};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::{Networks, store};

#[async_trait]
impl Handle<PrepareNetworks> for Networks {
    async fn handle(&self, ask: PrepareNetworks) -> Result<Vec<NetworkOnHost>, ErrorCode> {
        let db = self.kernel.db();
        let mut ready: Vec<NetworkOnHost> = Vec::new();
        for l3 in &ask.l3s {
            let l2 = store::l2(db, store::l3(db, *l3).await?.l2_network_uuid).await?;
            let driver = self.driver(&l2)?;
            if !ready.iter().any(|other| other.l2 == l2.uuid) {
                driver.ensure(ask.host, ask.task.derive(&l2.uuid.to_string()), &l2).await?;
            }
            ready.push(NetworkOnHost { l3: *l3, l2: l2.uuid, bridge: driver.bridge(&l2) });
        }
        Ok(ready)
    }
}
