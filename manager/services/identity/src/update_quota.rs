//! `UpdateQuota`, by the admin. Below what is used already, nothing is taken away; there is just no more.

use async_trait::async_trait;
use cumulo_contracts::api::quota::UpdateQuota;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid, codes, system::Quota};

use crate::Identity;

#[async_trait]
impl HandleApi<UpdateQuota> for Identity {
    async fn handle(&self, cx: &ApiCx, api: UpdateQuota) -> Result<Inventory<Quota>, ErrorCode> {
        if !cx.caller.is_admin() {
            return Err(ErrorCode::new(codes::PERMISSION_DENIED, "only the admin account may change quotas"));
        }
        if api.identity_uuid == Uuid::ADMIN {
            return Err(ErrorCode::new(codes::QUOTA_INVALID_OP, "the admin account has no quotas: nothing limits it"));
        }
        let Some(quota) = self.store.set_quota(api.identity_uuid, &api.name, api.value).await? else {
            let known: Vec<&str> = self.kernel.quotas().iter().map(|def| def.name).collect();
            let shown: String = api.name.chars().take(80).collect();
            let details = format!("there is no quota '{shown}'; there are: {}", known.join(", "));
            return Err(ErrorCode::new(codes::QUOTA_INVALID_OP, details));
        };
        cx.inventory::<Quota>(&quota).await
    }
}
