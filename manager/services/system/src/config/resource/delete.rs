//! `DeleteResourceConfig`: the resource inherits again.

use async_trait::async_trait;
use cumulo_contracts::api::resource_config::DeleteResourceConfig;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use crate::config::Configs;

#[async_trait]
impl HandleApi<DeleteResourceConfig> for Configs {
    async fn handle(&self, cx: &ApiCx, api: DeleteResourceConfig) -> Result<Empty, ErrorCode> {
        match self.kind(cx, api.resource_uuid).await {
            Err(error) if error.is(cumulo_schema::codes::RESOURCE_NOT_FOUND) => return Ok(Empty {}),
            kind => kind?,
        };
        self.kernel.resource_configs().reset(&api.category, &api.name, api.resource_uuid).await?;
        Ok(Empty {})
    }
}
