//! `UpdateGlobalConfig`: takes effect at once. No value means the empty text, which few settings allow.

use async_trait::async_trait;
use cumulo_contracts::api::config::UpdateGlobalConfig;
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Select},
};
use cumulo_schema::{ErrorCode, Inventory, Resource, system::GlobalConfig};
use serde_json::Value;

use super::Configs;

#[async_trait]
impl HandleApi<UpdateGlobalConfig> for Configs {
    async fn handle(&self, cx: &ApiCx, api: UpdateGlobalConfig) -> Result<Inventory<GlobalConfig>, ErrorCode> {
        let value = api.value.unwrap_or_default();
        self.kernel.configs().set(&api.category, &api.name, Some(&value)).await?;
        let mut select = Select::of(GlobalConfig::META);
        let named = [Filter::equals("category", api.category.as_str()), Filter::equals("name", api.name.as_str())];
        select.filter = Filter::All(named.into());
        let found = self.kernel.query().run(&cx.caller, &select).await?;
        let setting = found.inventories.and_then(|mut found| found.pop());
        let missing = || ErrorCode::internal(format!("the setting {}/{} has no row", api.category, api.name));
        Ok(Inventory::new(Value::Object(setting.ok_or_else(missing)?)))
    }
}
