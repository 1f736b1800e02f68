//! `GetResourceConfig` and `GetResourceConfigs`.

use async_trait::async_trait;
use cumulo_contracts::api::resource_config::{
    GetResourceConfig, GetResourceConfigReply, GetResourceConfigs, GetResourceConfigsReply,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::config::Configs;

#[async_trait]
impl HandleApi<GetResourceConfig> for Configs {
    async fn handle(&self, cx: &ApiCx, api: GetResourceConfig) -> Result<GetResourceConfigReply, ErrorCode> {
        let (meta, configs) = (self.kind(cx, api.resource_uuid).await?, self.kernel.resource_configs());
        let effective = configs.effective(&api.category, &api.name, meta, api.resource_uuid).await?;
        let effective_configs = self.shown(cx, &effective.said).await?;
        Ok(GetResourceConfigReply { value: effective.value, effective_configs })
    }
}

#[async_trait]
impl HandleApi<GetResourceConfigs> for Configs {
    async fn handle(&self, cx: &ApiCx, api: GetResourceConfigs) -> Result<GetResourceConfigsReply, ErrorCode> {
        let (meta, settings) = (self.kind(cx, api.resource_uuid).await?, self.kernel.resource_configs());
        let mut configs = Vec::with_capacity(api.names.len());
        for name in &api.names {
            let effective = settings.effective(&api.category, name, meta, api.resource_uuid).await?;
            configs.push(self.structure(cx, name, &effective).await?);
        }
        Ok(GetResourceConfigsReply { configs })
    }
}
