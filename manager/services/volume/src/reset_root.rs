//! `ResetRootVolume`.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::VolumePlace,
    message::{image::LocateImage, storage::LocateVolumeSpace, volume::ResetRootVolume},
    resource::VolumeStatus,
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::Volumes;

#[async_trait]
impl Handle<ResetRootVolume> for Volumes {
    async fn handle(&self, ask: ResetRootVolume) -> Result<(), ErrorCode> {
        let lane = Self::lane(ask.volume);
        self.kernel.queues().run(&lane, 1, self.reset_root(ask)).await
    }
}

impl Volumes {
    async fn reset_root(&self, ask: ResetRootVolume) -> Result<(), ErrorCode> {
        let bus = self.kernel.bus();
        let volume = self.store.get(ask.volume).await?;
        let name = format!("root volume {}[uuid:{}]", volume.name, volume.uuid);
        let image = match (volume.status, volume.root_image_uuid) {
            (VolumeStatus::Ready, Some(image)) => image,
            (VolumeStatus::Ready, None) => {
                return Err(ErrorCode::operation(format!("{name} was not made from an image")));
            }
            (status, _) => return Err(ErrorCode::operation(format!("{name} is {status}; wait until it is Ready"))),
        };
        let image = bus.call(LocateImage { image, zone: ask.zone }).await?;
        if image.is_iso() {
            return Err(ErrorCode::operation(format!(
                "{name} was installed from ISO image {}, which does not say what was on it; install it anew",
                image.image
            )));
        }
        let space = bus.call(LocateVolumeSpace { volume: volume.uuid }).await?;
        let lost = || ErrorCode::internal(format!("{name} is ready, but no space is held for it"));
        let space = space.ok_or_else(lost)?;
        let (storage, driver) = self.storage(space.primary_storage).await?;
        let place = VolumePlace { volume: volume.uuid, host: space.host, install_path: space.install_path };
        let stored = driver.reset_to_image(&storage, &place, &image, volume.size, ask.task).await.map_err(|cause| {
            let text = format!("{name} could not be made as image {} is: {}", image.image, cause.details);
            ErrorCode::operation(text).because(cause)
        })?;
        Ok(self.store.ready(volume.uuid, &stored).await?)
    }
}
