//! `LocateImage`.

use async_trait::async_trait;
use cumulo_contracts::{
    message::image::{ImageLocation, LocateImage},
    resource::{Image, ImageStatus, ResourceState, StorageStatus},
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::Images;

#[async_trait]
impl Handle<LocateImage> for Images {
    async fn handle(&self, ask: LocateImage) -> Result<ImageLocation, ErrorCode> {
        let image = self.store.find(ask.image).await?.ok_or_else(|| ErrorCode::not_found("Image", ask.image))?;
        let name = format!("image {}[uuid:{}]", image.name, image.uuid);
        if image.status != ImageStatus::Ready {
            return Err(ErrorCode::operation(format!("{name} is {}; it must be Ready to be used", image.status)));
        }
        if image.state != ResourceState::Enabled {
            return Err(ErrorCode::operation(format!("{name} is {}; enable it or take another", image.state)));
        }
        let attached = self.store.storages_of_zone(ask.zone).await?;
        let mut unfit = Vec::new();
        for copy in self.store.copies(image.uuid).await? {
            let storage = self.store.backup_storage(copy.backup_storage_uuid).await?;
            let why = match (copy.status, storage.status) {
                _ if !attached.contains(&storage.uuid) => format!("is not attached to zone {}", ask.zone),
                (ImageStatus::Ready, StorageStatus::Connected) => {
                    return Ok(location(&image, copy.install_path, storage.uuid, storage.r#type));
                }
                (ImageStatus::Ready, status) => format!("is {status}"),
                (status, _) => format!("has it as {status}"),
            };
            unfit.push(format!("backup storage {}[uuid:{}] {why}", storage.name, storage.uuid));
        }
        let why = if unfit.is_empty() { "it is on none".to_owned() } else { unfit.join("; ") };
        Err(ErrorCode::operation(format!("{name} can be fetched from no backup storage: {why}")))
    }
}

fn location(image: &Image, install_path: String, storage: cumulo_schema::Uuid, kind: String) -> ImageLocation {
    ImageLocation {
        image: image.uuid,
        backup_storage: storage,
        backup_storage_type: kind,
        install_path,
        size: image.size,
        actual_size: image.actual_size,
        format: image.format.clone(),
        sha256: image.sha256.clone(),
    }
}
