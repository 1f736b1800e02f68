//! `UpdateImage`: corrects what is recorded. The file stays as it is.

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::UpdateImage,
    resource::{Image, ImageMediaType},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Images;

#[async_trait]
impl HandleApi<UpdateImage> for Images {
    async fn handle(&self, cx: &ApiCx, api: UpdateImage) -> Result<Inventory<Image>, ErrorCode> {
        let media_type: Option<ImageMediaType> = match api.media_type.as_deref().map(str::parse) {
            Some(Err(bad)) => return Err(ErrorCode::invalid(format!("field[mediaType] {bad}"))),
            Some(Ok(media_type)) => Some(media_type),
            None => None,
        };
        self.store.update(&api, media_type).await?;
        cx.inventory::<Image>(&api.uuid).await
    }
}
