//! `UpdateResourceConfig` and `UpdateResourceConfigs`.

use async_trait::async_trait;
use cumulo_contracts::api::resource_config::{UpdateResourceConfig, UpdateResourceConfigs, UpdateResourceConfigsReply};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    config::NewValue,
};
use cumulo_schema::{ErrorCode, Inventory, system::ResourceConfig};
use serde::Deserialize;

use crate::config::Configs;

/// The wire's `ResourceConfigAO`.
#[derive(Deserialize)]
struct Wanted {
    category: String,
    name: String,
    value: String,
}

impl Wanted {
    fn value(&self) -> NewValue<'_> {
        NewValue { category: &self.category, name: &self.name, value: &self.value }
    }
}

#[async_trait]
impl HandleApi<UpdateResourceConfig> for Configs {
    async fn handle(&self, cx: &ApiCx, api: UpdateResourceConfig) -> Result<Inventory<ResourceConfig>, ErrorCode> {
        let meta = self.kind(cx, api.resource_uuid).await?;
        let wanted = NewValue { category: &api.category, name: &api.name, value: &api.value };
        let rows = self.kernel.resource_configs().set(meta, api.resource_uuid, &[wanted]).await?;
        let row = rows.first().ok_or_else(|| ErrorCode::internal("a setting was written and is not there"))?;
        cx.inventory::<ResourceConfig>(&row.uuid).await
    }
}

#[async_trait]
impl HandleApi<UpdateResourceConfigs> for Configs {
    async fn handle(&self, cx: &ApiCx, api: UpdateResourceConfigs) -> Result<UpdateResourceConfigsReply, ErrorCode> {
        let meta = self.kind(cx, api.resource_uuid).await?;
        let wanted: Vec<Wanted> = serde_json::from_value(api.resource_configs).map_err(|cause| {
            let details = format!("field[resourceConfigs] must be a list of category, name and value: {cause}");
            ErrorCode::invalid(details)
        })?;
        let values: Vec<NewValue<'_>> = wanted.iter().map(Wanted::value).collect();
        let configs = self.kernel.resource_configs();
        configs.set(meta, api.resource_uuid, &values).await?;
        let mut inventories = Vec::with_capacity(values.len());
        for NewValue { category, name, .. } in &values {
            let effective = configs.effective(category, name, meta, api.resource_uuid).await?;
            inventories.push(self.structure(cx, name, &effective).await?);
        }
        Ok(UpdateResourceConfigsReply { inventories })
    }
}
