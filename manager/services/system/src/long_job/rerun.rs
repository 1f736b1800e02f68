//! `RerunLongJob`: once more, with the parameters it had.

use async_trait::async_trait;
use cumulo_contracts::api::long_job::RerunLongJob;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, system::LongJob};

use super::LongJobs;

#[async_trait]
impl HandleApi<RerunLongJob> for LongJobs {
    async fn handle(&self, cx: &ApiCx, api: RerunLongJob) -> Result<Inventory<LongJob>, ErrorCode> {
        self.kernel.long_jobs().rerun(cx, api.uuid).await?;
        cx.inventory(&api.uuid).await
    }
}
