//! A host that comes, perhaps from a reboot, serves again what it is to serve; one that is deleted serves nothing more.

use async_trait::async_trait;
use cumulo_contracts::ext::host::{BeforeHostDelete, OnHostConnected};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Flat, store};

#[async_trait]
impl OnHostConnected for Flat {
    async fn host_connected(&self, host: Uuid) -> Result<(), ErrorCode> {
        for l3 in store::l3s_on(self.kernel.db(), host).await? {
            self.converge(host, l3).await.map_err(|cause| {
                let details = format!("host {host} could not be made to serve DHCP of L3 network {l3}");
                ErrorCode::operation(details).because(cause)
            })?;
        }
        Ok(())
    }
}

#[async_trait]
impl BeforeHostDelete for Flat {
    /// VMs were stopped by now, which took their services away; what is left here is of a host that could not be told. It
    /// must not keep a deleted host from going.
    async fn before_host_delete(&self, host: Uuid) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        for l3 in store::l3s_on(db, host).await? {
            let _lane = self.lanes.alone(host, l3).await;
            store::remove_all(db, host, l3).await?;
            if self.is_connected(host).await? == Some(true)
                && let Err(error) = self.hosts.remove_dhcp(host, Uuid::random(), l3).await
            {
                tracing::warn!(%host, %l3, %error, "a deleted host keeps serving DHCP of a network");
            }
        }
        Ok(())
    }
}
