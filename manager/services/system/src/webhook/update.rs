//! `UpdateWebhook`.

use async_trait::async_trait;
use cumulo_contracts::{api::webhook::UpdateWebhook, resource::Webhook};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::{Webhooks, check};

#[async_trait]
impl HandleApi<UpdateWebhook> for Webhooks {
    async fn handle(&self, cx: &ApiCx, api: UpdateWebhook) -> Result<Inventory<Webhook>, ErrorCode> {
        check(api.url.as_deref(), api.r#type.as_deref())?;
        self.store.update(&api).await?;
        cx.inventory(&api.uuid).await
    }
}
