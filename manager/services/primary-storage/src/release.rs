//! `ReleaseVolumeSpace`.

use async_trait::async_trait;
use cumulo_contracts::message::storage::ReleaseVolumeSpace;
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::PrimaryStorages;

#[async_trait]
impl Handle<ReleaseVolumeSpace> for PrimaryStorages {
    async fn handle(&self, message: ReleaseVolumeSpace) -> Result<(), ErrorCode> {
        Ok(self.store.give_back(message.volume).await?)
    }
}
