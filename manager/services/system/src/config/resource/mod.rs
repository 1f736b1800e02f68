//! Settings of single resources: said for a host, a cluster or a zone, the nearest word counts.

mod delete;
mod get;
mod update;

use cumulo_kernel::{api::ApiCx, config::Effective};
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid, codes, system::ResourceConfig};
use serde_json::{Value, json};

use super::Configs;
use crate::kind::kind_of;

impl Configs {
    /// The kind of `resource`, if the caller may have a word in it.
    async fn kind(&self, cx: &ApiCx, resource: Uuid) -> Result<&'static ResourceMeta, ErrorCode> {
        let meta = kind_of(&self.kernel, resource).await?;
        let owner = cumulo_kernel::ownership::owner(self.kernel.db(), resource).await?;
        if cx.caller.is_admin() || owner == Some(cx.caller.account) {
            return Ok(meta);
        }
        let details = format!("the resource {resource} does not belong to the account {}", cx.caller.account);
        Err(ErrorCode::new(codes::PERMISSION_DENIED, details))
    }

    /// The inventories of `said`, in that order.
    async fn shown(&self, cx: &ApiCx, said: &[ResourceConfig]) -> Result<Vec<Value>, ErrorCode> {
        let mut shown = Vec::with_capacity(said.len());
        for row in said {
            shown.push(cx.inventory::<ResourceConfig>(&row.uuid).await?.inventory);
        }
        Ok(shown)
    }

    /// The wire's `ResourceConfigStruct`.
    async fn structure(&self, cx: &ApiCx, name: &str, effective: &Effective) -> Result<Value, ErrorCode> {
        let said = self.shown(cx, &effective.said).await?;
        Ok(json!({ "name": name, "value": effective.value, "effectiveConfigs": said }))
    }
}
