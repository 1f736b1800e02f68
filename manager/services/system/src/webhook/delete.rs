//! `DeleteWebhook`: what waits for it is still posted.

use async_trait::async_trait;
use cumulo_contracts::api::webhook::DeleteWebhook;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use super::Webhooks;

#[async_trait]
impl HandleApi<DeleteWebhook> for Webhooks {
    async fn handle(&self, _cx: &ApiCx, api: DeleteWebhook) -> Result<Empty, ErrorCode> {
        self.store.remove(api.uuid).await?;
        Ok(Empty {})
    }
}
