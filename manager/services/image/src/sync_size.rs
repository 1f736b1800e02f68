//! `SyncImageSize`: asks a backup storage what the file is. A download of what is there only looks at it.

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::SyncImageSize,
    resource::{Image, ImageStatus, StorageStatus},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Images;

#[async_trait]
impl HandleApi<SyncImageSize> for Images {
    async fn handle(&self, cx: &ApiCx, api: SyncImageSize) -> Result<Inventory<Image>, ErrorCode> {
        let image = self.store.find(api.uuid).await?.ok_or_else(|| ErrorCode::not_found("Image", api.uuid))?;
        let copies = self.store.copies(image.uuid).await?;
        for copy in copies.iter().filter(|copy| copy.status == ImageStatus::Ready) {
            let storage = self.store.backup_storage(copy.backup_storage_uuid).await?;
            if storage.status != StorageStatus::Connected {
                continue;
            }
            let driver = self.driver(&storage.r#type)?;
            let found = driver.download(&storage, &image, &copy.install_path, cx.job.derive("look")).await?;
            self.store.set_size(image.uuid, &found.stored).await?;
            return cx.inventory::<Image>(&image.uuid).await;
        }
        Err(ErrorCode::operation(format!(
            "image {}[uuid:{}] is on no connected backup storage; reconnect one that has it",
            image.name, image.uuid
        )))
    }
}
