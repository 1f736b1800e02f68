//! `DeleteGCJob`: an operator has cleaned up, or never will. One that is gone is fine.

use async_trait::async_trait;
use cumulo_contracts::api::management::DeleteGCJob;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Uuid};

use super::Debts;

#[async_trait]
impl HandleApi<DeleteGCJob> for Debts {
    async fn handle(&self, _cx: &ApiCx, api: DeleteGCJob) -> Result<Empty, ErrorCode> {
        let shown: String = api.uuid.chars().take(80).collect();
        let uuid: Uuid = api.uuid.parse().map_err(|_| ErrorCode::not_found("GarbageCollector", shown))?;
        self.store.remove(uuid).await?;
        Ok(Empty {})
    }
}
