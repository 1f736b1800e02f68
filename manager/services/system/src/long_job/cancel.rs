//! `CancelLongJob`: the answer says that it was told to stop, and its state that it has.

use async_trait::async_trait;
use cumulo_contracts::api::long_job::CancelLongJob;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use super::LongJobs;

#[async_trait]
impl HandleApi<CancelLongJob> for LongJobs {
    async fn handle(&self, _cx: &ApiCx, api: CancelLongJob) -> Result<Empty, ErrorCode> {
        self.kernel.long_jobs().cancel(api.uuid).await?;
        Ok(Empty {})
    }
}
