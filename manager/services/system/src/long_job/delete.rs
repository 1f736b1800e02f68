//! `DeleteLongJob`: the record goes, what it made stays.

use async_trait::async_trait;
use cumulo_contracts::api::long_job::DeleteLongJob;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use super::LongJobs;

#[async_trait]
impl HandleApi<DeleteLongJob> for LongJobs {
    async fn handle(&self, _cx: &ApiCx, api: DeleteLongJob) -> Result<Empty, ErrorCode> {
        self.kernel.long_jobs().delete(api.uuid).await?;
        Ok(Empty {})
    }
}
