//! `CreateRootVolume`.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::VolumePlace,
    message::{
        image::{ImageLocation, LocateImage},
        storage::{AllocateVolumeSpace, VolumeSpace},
        volume::{CreateRootVolume, VolumeOnHost},
    },
    resource::VolumeStatus,
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::{Volumes, store::on_host};

#[async_trait]
impl Handle<CreateRootVolume> for Volumes {
    async fn handle(&self, ask: CreateRootVolume) -> Result<VolumeOnHost, ErrorCode> {
        let lane = Self::lane(ask.volume);
        self.kernel.queues().run(&lane, 1, self.create_root(ask)).await
    }
}

impl Volumes {
    async fn create_root(&self, ask: CreateRootVolume) -> Result<VolumeOnHost, ErrorCode> {
        if let Some(made) = self.store.find(ask.volume).await?.filter(|volume| volume.status == VolumeStatus::Ready) {
            return on_host(&made);
        }
        let bus = self.kernel.bus();
        let image = bus.call(LocateImage { image: ask.image, zone: ask.zone }).await?;
        let size = size_for(&ask, &image)?;
        let space = AllocateVolumeSpace {
            volume: ask.volume,
            account: ask.account,
            size,
            host: ask.host,
            image: Some(ask.image),
            primary_storage: ask.primary_storage,
            storage_tags: ask.storage_tags.clone(),
        };
        let space: VolumeSpace = bus.call(space).await?;
        self.store.insert_root(&ask, &space, size).await?;
        let (storage, driver) = self.storage(space.primary_storage).await?;
        let place = VolumePlace { volume: ask.volume, host: space.host, install_path: space.install_path };
        // A guest installs itself from an ISO image, to a volume that is empty at first.
        let made = match image.is_iso() {
            true => driver.create_empty(&storage, &place, size, ask.task).await,
            false => driver.create_from_image(&storage, &place, &image, Some(size), ask.task).await,
        };
        let stored = made.map_err(|cause| {
            let text =
                format!("root volume {} could not be made for image {}: {}", ask.volume, ask.image, cause.details);
            ErrorCode::operation(text).because(cause)
        })?;
        self.store.ready(ask.volume, &stored).await?;
        on_host(&self.store.get(ask.volume).await?)
    }
}

fn size_for(ask: &CreateRootVolume, image: &ImageLocation) -> Result<i64, ErrorCode> {
    match ask.size {
        Some(size) if image.is_iso() => Ok(size),
        None if image.is_iso() => Err(ErrorCode::invalid(format!(
            "image {} is an ISO image and does not say how large a root volume is; give rootDiskOfferingUuid or rootDiskSize",
            ask.image
        ))),
        Some(size) if size < image.size => Err(ErrorCode::invalid(format!(
            "a root volume of {size} bytes cannot hold image {} of {} bytes; ask for at least that",
            ask.image, image.size
        ))),
        size => Ok(size.unwrap_or(image.size)),
    }
}
