//! `RecoverImage`: takes a delete back, as long as the files are there.

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::RecoverImage,
    resource::{Image, ImageStatus},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::Images;

#[async_trait]
impl HandleApi<RecoverImage> for Images {
    async fn handle(&self, cx: &ApiCx, api: RecoverImage) -> Result<Inventory<Image>, ErrorCode> {
        let storages: Option<Vec<Uuid>> = match api.backup_storage_uuids {
            None => None,
            Some(texts) => {
                let parsed: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
                Some(parsed.map_err(|bad| ErrorCode::invalid(format!("field[backupStorageUuids] {bad}")))?)
            }
        };
        let copies = self.chosen(api.image_uuid, storages.as_deref()).await?;
        let recoverable = |status| matches!(status, ImageStatus::Deleted | ImageStatus::Ready);
        if let Some(copy) = copies.iter().find(|copy| !recoverable(copy.status)) {
            return Err(ErrorCode::operation(format!(
                "image {} on backup storage {} is {}; only a deleted image can be recovered",
                copy.image_uuid, copy.backup_storage_uuid, copy.status
            )));
        }
        let storages: Vec<Uuid> = copies.iter().map(|copy| copy.backup_storage_uuid).collect();
        self.store.mark(api.image_uuid, &storages, ImageStatus::Ready).await?;
        cx.inventory::<Image>(&api.image_uuid).await
    }
}
