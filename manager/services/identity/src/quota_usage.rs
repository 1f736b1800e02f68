//! `GetAccountQuotaUsage`. Of the admin account, which has no quotas, the list is empty.

use async_trait::async_trait;
use cumulo_contracts::api::quota::{GetAccountQuotaUsage, GetAccountQuotaUsageReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;
use serde_json::json;

use crate::Identity;

#[async_trait]
impl HandleApi<GetAccountQuotaUsage> for Identity {
    async fn handle(&self, _: &ApiCx, api: GetAccountQuotaUsage) -> Result<GetAccountQuotaUsageReply, ErrorCode> {
        let quotas = self.store.quotas_of(api.uuid).await?;
        let usage = |quota: &cumulo_schema::system::Quota| json!({ "name": quota.name, "total": quota.value, "used": quota.value - quota.free });
        Ok(GetAccountQuotaUsageReply { usages: quotas.iter().map(usage).collect() })
    }
}
