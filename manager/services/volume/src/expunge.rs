//! `ExpungeVolume` and `ExpungeVolumes`: the file first, then the space, then the record, so that nothing is forgotten while it still is
//! somewhere.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::VolumePlace,
    message::{
        storage::{LocateVolumeSpace, ReleaseVolumeSpace},
        volume::{ExpungeVolume, ExpungeVolumes, OutliveVm},
    },
    resource::Volume,
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::{ErrorCode, Resource, Uuid};
use futures::{StreamExt, stream};

use crate::Volumes;

/// Volumes removed from hosts at once.
const PARALLEL: usize = 32;

#[async_trait]
impl Handle<ExpungeVolume> for Volumes {
    async fn handle(&self, ask: ExpungeVolume) -> Result<(), ErrorCode> {
        let lane = Self::lane(ask.volume);
        self.kernel.queues().run(&lane, 1, self.expunge(ask)).await
    }
}

#[async_trait]
impl Handle<ExpungeVolumes> for Volumes {
    async fn handle(&self, ask: ExpungeVolumes) -> Result<(), ErrorCode> {
        let (abandoned, kept) = self.store.split(&ask.volumes, &ask.abandoned).await?;
        let task = ask.task;
        let expunge = |volume: Uuid| async move {
            let ask = ExpungeVolume { volume, task: task.derive(&volume.to_string()) };
            Handle::<ExpungeVolume>::handle(self, ask).await
        };
        let gone: Vec<_> = stream::iter(kept.into_iter().map(expunge)).buffered(PARALLEL).collect().await;
        // Where a storage goes, its counters go with it: what was held there needs no giving back.
        self.kernel.cascade().remove(Volume::META, &abandoned).await?;
        gone.into_iter().collect()
    }
}

#[async_trait]
impl Handle<OutliveVm> for Volumes {
    async fn handle(&self, ask: OutliveVm) -> Result<(), ErrorCode> {
        Ok(self.store.disown(ask.volume).await?)
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
        Ok(self.kernel.cascade().remove(Volume::META, &[ask.volume]).await?)
    }
}
