//! `ReleaseHost`: what a VM held is free again.

use async_trait::async_trait;
use cumulo_contracts::message::host::ReleaseHost;
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::Hosts;

#[async_trait]
impl Handle<ReleaseHost> for Hosts {
    async fn handle(&self, message: ReleaseHost) -> Result<(), ErrorCode> {
        Ok(self.store.release(message.vm).await?)
    }
}
