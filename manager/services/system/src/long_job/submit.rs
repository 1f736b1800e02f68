//! `SubmitLongJob`: what the call would be refused for is said here; how it goes, the long job tells.

use async_trait::async_trait;
use cumulo_contracts::api::long_job::SubmitLongJob;
use cumulo_kernel::api::{ApiCx, HandleApi, NewLongJob};
use cumulo_schema::{ErrorCode, Inventory, system::LongJob};

use super::LongJobs;

#[async_trait]
impl HandleApi<SubmitLongJob> for LongJobs {
    async fn handle(&self, cx: &ApiCx, api: SubmitLongJob) -> Result<Inventory<LongJob>, ErrorCode> {
        let order = NewLongJob {
            name: api.name,
            description: api.description,
            job_name: api.job_name,
            job_data: api.job_data,
            target: api.target_resource_uuid,
        };
        self.kernel.long_jobs().submit(cx, order).await?;
        cx.inventory(&cx.resource_uuid).await
    }
}
