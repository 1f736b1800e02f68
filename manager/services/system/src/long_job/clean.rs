//! `CleanLongJob`: what is still owed after it is tried now.

use async_trait::async_trait;
use cumulo_contracts::api::long_job::CleanLongJob;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use super::LongJobs;

#[async_trait]
impl HandleApi<CleanLongJob> for LongJobs {
    async fn handle(&self, _cx: &ApiCx, api: CleanLongJob) -> Result<Empty, ErrorCode> {
        self.kernel.long_jobs().clean(api.uuid).await?;
        Ok(Empty {})
    }
}
