//! `ExpungeVolume`: the file first, then the space, then the record, so that nothing is forgotten while it still is
//! somewhere.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::VolumePlace,
    message::{
        storage::{LocateVolumeSpace, ReleaseVolumeSpace},
        volume::ExpungeVolume,
    },
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::Volumes;

#[async_trait]
impl Handle<ExpungeVolume> for Volumes {
    async fn handle(&self, ask: ExpungeVolume) -> Result<(), ErrorCode> {
        let lane = Self::lane(ask.volume);
        self.kernel.queues().run(&lane, 1, self.expunge(ask)).await
    }
}

impl Volumes {
    async fn expunge(&self, ask: ExpungeVolume) -> Result<(), ErrorCode> {
        let bus = self.kernel.bus();
        // Space is held before a volume is made anywhere. Where none is, there is no file, or its host is gone for good.
        if let Some(space) = bus.call(LocateVolumeSpace { volume: ask.volume }).await? {
            let (storage, driver) = self.storage(space.primary_storage).await?;
            let place = VolumePlace { volume: ask.volume, host: space.host, install_path: space.install_path };
            driver.delete(&storage, &place, ask.task).await?;
            bus.call(ReleaseVolumeSpace { volume: ask.volume }).await?;
        }
        Ok(self.store.remove(&[ask.volume]).await?)
    }
}
