//! `CreateWebhook`.

use async_trait::async_trait;
use cumulo_contracts::{api::webhook::CreateWebhook, resource::Webhook};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use super::{Webhooks, check};

#[async_trait]
impl HandleApi<CreateWebhook> for Webhooks {
    async fn handle(&self, cx: &ApiCx, api: CreateWebhook) -> Result<Inventory<Webhook>, ErrorCode> {
        check(Some(&api.url), Some(&api.r#type))?;
        let hook = Webhook {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            url: api.url,
            r#type: api.r#type,
            opaque: api.opaque,
            create_date: cx.now(),
            last_op_date: cx.now(),
        };
        match self.store.insert(cx, &hook).await {
            Err(DbError::Conflict { .. }) if self.store.is(&hook).await? => {}
            Err(DbError::Conflict { .. }) => {
                let text = format!("web hook {} exists already; choose another resourceUuid", hook.uuid);
                return Err(ErrorCode::new(codes::CREATE_RESOURCE, text));
            }
            inserted => inserted?,
        }
        cx.inventory(&cx.resource_uuid).await
    }
}
