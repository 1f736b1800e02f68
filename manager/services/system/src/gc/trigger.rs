//! `TriggerGCJob`: tries now and answers with the outcome.

use async_trait::async_trait;
use cumulo_contracts::api::management::TriggerGCJob;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use super::Debts;

#[async_trait]
impl HandleApi<TriggerGCJob> for Debts {
    async fn handle(&self, _cx: &ApiCx, api: TriggerGCJob) -> Result<Empty, ErrorCode> {
        self.kernel.trigger_debt(api.uuid).await?;
        Ok(Empty {})
    }
}
