//! Giving addresses back.

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{ReleaseIp, ReleaseIpOn, ReleaseIps, ReleaseServiceIp},
    resource::UsedIp,
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use super::Holder;
use crate::{Networks, ipv4, store};

/// NICs whose addresses one batch gives back.
const AT_ONCE: usize = 500;

#[async_trait]
impl Handle<ReleaseIp> for Networks {
    async fn handle(&self, ask: ReleaseIp) -> Result<(), ErrorCode> {
        let rows = store::used_ips_of(self.kernel.db(), &[ask.nic]).await?;
        self.give_back(&rows).await
    }
}

#[async_trait]
impl Handle<ReleaseIpOn> for Networks {
    async fn handle(&self, ask: ReleaseIpOn) -> Result<(), ErrorCode> {
        let row = store::used_ip(self.kernel.db(), Holder::Nic(ask.nic).row(ask.l3)).await?;
        self.give_back(row.as_slice()).await
    }
}

#[async_trait]
impl Handle<ReleaseIps> for Networks {
    async fn handle(&self, ask: ReleaseIps) -> Result<(), ErrorCode> {
        for nics in ask.nics.chunks(AT_ONCE) {
            let rows = store::used_ips_of(self.kernel.db(), nics).await?;
            self.give_back(&rows).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Handle<ReleaseServiceIp> for Networks {
    async fn handle(&self, ask: ReleaseServiceIp) -> Result<(), ErrorCode> {
        let row = store::used_ip(self.kernel.db(), Holder::Service(ask.used_for).row(ask.l3)).await?;
        self.give_back(row.as_slice()).await
    }
}

impl Networks {
    /// Deletes the rows, and only then lets the pools propose the addresses again.
    pub(crate) async fn give_back(&self, rows: &[UsedIp]) -> Result<(), ErrorCode> {
        if rows.is_empty() {
            return Ok(());
        }
        store::remove_used_ips(self.kernel.db(), rows).await?;
        for row in rows.iter().filter(|row| row.ip_version == 4) {
            let address = ipv4::stored(&row.ip)?;
            self.pools.with(row.l3_network_uuid, |pool| pool.give(address));
        }
        Ok(())
    }
}
