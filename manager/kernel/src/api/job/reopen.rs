//! Jobs that were answered that their flow is parked, and are under way again once somebody decided what becomes of it.
//!
//! Whoever asks then is told what the flow came to; so is a web hook, once more.

use std::time::{Duration, Instant};

use cumulo_schema::{
    ErrorCode, Json, Uuid,
    system::{LongJob, LongJobState},
};
use serde_json::Value;

use super::{ApiJob, JobState, Jobs, LOOK};
use crate::{Kernel, db::Batch};

impl Jobs {
    /// Waits until `job` has an answer, at most `patience`: its flow was parked a moment ago. One that nobody works on
    /// will be answered by its flow all the same.
    pub(crate) async fn until_answered(&self, job: Uuid, patience: Duration) -> Result<(), ErrorCode> {
        let asked = Instant::now();
        while asked.elapsed() < patience {
            match self.db.find(ApiJob::UUID, &job).await? {
                Some(row) if row.state == JobState::Running => tokio::time::sleep(LOOK / 10).await,
                _ => break,
            }
        }
        Ok(())
    }

    /// Adds to `batch` that `job` is under way again, on this node; one that is forgotten stays so.
    pub(crate) fn reopen(&self, batch: &mut Batch, job: Uuid) {
        batch
            .update::<ApiJob>()
            .set(ApiJob::STATE, &JobState::Running)
            .set(ApiJob::RESULT, &None::<Json<Value>>)
            .set(ApiJob::NODE_UUID, &self.cluster.node())
            .eq(ApiJob::UUID, &job)
            .eq(ApiJob::STATE, &JobState::Failed)
            .any();
        batch
            .update::<LongJob>()
            .set(LongJob::STATE, &LongJobState::Running)
            .set(LongJob::JOB_RESULT, &None::<String>)
            .eq(LongJob::API_ID, &job)
            .eq(LongJob::STATE, &LongJobState::Failed)
            .any();
    }

    /// Goes on with a job that was reopened: it is answered by its flow.
    pub(crate) async fn go_on(&self, kernel: &Kernel, job: Uuid) -> Result<(), ErrorCode> {
        let reopened = self.db.find(ApiJob::UUID, &job).await?;
        let ours = |row: &ApiJob| row.state == JobState::Running && row.node_uuid == self.cluster.node();
        if let Some(row) = reopened.filter(ours) {
            self.work.begin(row.uuid, row.account_uuid);
            let (jobs, kernel) = (self.clone(), kernel.clone());
            tokio::spawn(async move { jobs.again(&kernel, row).await });
        }
        Ok(())
    }
}
