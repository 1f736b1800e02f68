//! `DeleteImage`: by default only marks the copies, so that the image can be recovered until they are expunged.

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::DeleteImage,
    resource::{Image, ImageStatus},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::{Images, config};

#[async_trait]
impl HandleApi<DeleteImage> for Images {
    async fn handle(&self, cx: &ApiCx, api: DeleteImage) -> Result<Empty, ErrorCode> {
        match api.backup_storage_uuids.as_deref() {
            None => self.kernel.cascade().delete(Image::META.vo, vec![api.uuid], cx.enforcing).await?,
            Some(storages) => self.delete(api.uuid, Some(storages), cx.job).await?,
        }
        Ok(Empty {})
    }
}

impl Images {
    /// Deletes the copies of `image`, or those on `storages`, as the policy says.
    pub(crate) async fn delete(&self, image: Uuid, storages: Option<&[Uuid]>, task: Uuid) -> Result<(), ErrorCode> {
        self.refuse_unfinished(image).await?;
        let copies = self.chosen(image, storages).await?;
        if config::policy(&self.kernel)? == config::Policy::Direct {
            return self.expunge(&copies, task).await;
        }
        let storages: Vec<Uuid> = copies.iter().map(|copy| copy.backup_storage_uuid).collect();
        Ok(self.store.mark(image, &storages, ImageStatus::Deleted).await?)
    }

    /// Refuses an image that is still on its way; one that is gone is fine.
    pub(crate) async fn refuse_unfinished(&self, image: Uuid) -> Result<(), ErrorCode> {
        let Some(row) = self.store.find(image).await? else { return Ok(()) };
        let what = match row.status {
            ImageStatus::Downloading => "downloaded",
            ImageStatus::Creating => "made",
            ImageStatus::Ready | ImageStatus::Deleted => return Ok(()),
        };
        let text = format!("image {}[uuid:{image}] is still being {what}; delete it when that has ended", row.name);
        Err(ErrorCode::operation(text))
    }
}
