//! `UpdateLongJob`: name and description.

use async_trait::async_trait;
use cumulo_contracts::api::long_job::UpdateLongJob;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, system::LongJob};

use super::LongJobs;

#[async_trait]
impl HandleApi<UpdateLongJob> for LongJobs {
    async fn handle(&self, cx: &ApiCx, api: UpdateLongJob) -> Result<Inventory<LongJob>, ErrorCode> {
        self.store.update(&api).await?;
        cx.inventory(&api.uuid).await
    }
}
