//! What of a long job is done: of one that works on many things by itself, each thing that it need not come back to.
//!
//! A run that is cut off, or ended and run again days later, asks here what is left. Flows tell too how they ended, but under
//! ids of the run that started them, and only for a day.

use std::collections::BTreeSet;

use cumulo_derive::resource;
use cumulo_schema::{ErrorCode, Uuid, system::LongJob};

use super::LongJobs;
use crate::{api::ApiCx, db::DbError};

/// A part of a long job that is done.
#[resource(
    table = "long_job_part",
    java = "org.cumulo.job.LongJobPartInventory",
    vo = "LongJobPartVO",
    internal,
    unique(longJobUuid, name)
)]
pub struct LongJobPart {
    /// The long job.
    #[field(indexed, references = "LongJob", part_of = "LongJob")]
    pub long_job_uuid: Uuid,
    /// What its call knows the part by.
    pub name: String,
}

impl LongJobs<'_> {
    /// The parts of the long job that `cx` is a run of which are done, in this run or one before.
    ///
    /// # Errors
    /// SYS.1003 when `cx` is no run of one.
    pub async fn done(&self, cx: &ApiCx) -> Result<BTreeSet<String>, ErrorCode> {
        let job = self.of_run(cx).await?;
        let parts = self.0.db().select::<LongJobPart>().eq(LongJobPart::LONG_JOB_UUID, &job).all().await?;
        Ok(parts.into_iter().map(|part| part.name).collect())
    }

    /// Records that the part called `name`, of at most 255 characters, is done. Repeatable.
    ///
    /// # Errors
    /// SYS.1003 when `cx` is no run of a long job, or of one that was deleted.
    pub async fn part_done(&self, cx: &ApiCx, name: String) -> Result<(), ErrorCode> {
        let long_job_uuid = self.of_run(cx).await?;
        let mut batch = self.0.db().batch();
        batch.insert(&LongJobPart { long_job_uuid, name });
        match self.0.db().commit(batch).await {
            Ok(_) | Err(DbError::Conflict { .. }) => Ok(()),
            Err(DbError::Reference { .. }) => Err(ErrorCode::not_found("LongJob", long_job_uuid)),
            Err(error) => Err(error.into()),
        }
    }

    async fn of_run(&self, cx: &ApiCx) -> Result<Uuid, ErrorCode> {
        let job = self.0.db().select::<LongJob>().eq(LongJob::API_ID, &cx.job).first().await?;
        job.map(|job| job.uuid).ok_or_else(|| ErrorCode::not_found("LongJob of the run", cx.job))
    }
}
