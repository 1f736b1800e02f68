//! Jobs of a node that is gone: answered from their flow, or handed to their handler again, by who owns the job's id.

use std::{collections::HashMap, time::Duration};

use cumulo_schema::{ErrorCode, Uuid};

use super::{ApiJob, JobState, Jobs, recover::time_left};
use crate::{Kernel, db::DbError};

impl Jobs {
    /// Takes up the jobs of nodes that are no members any more, as far as they are this node's to take up.
    pub(crate) async fn adopt(&self, kernel: &Kernel) -> Result<(), ErrorCode> {
        let Some((members, _)) = self.cluster.as_of_now(self.db.batch()) else { return Ok(()) };
        let running = self.db.select::<ApiJob>().eq(ApiJob::STATE, &JobState::Running);
        let orphaned = members.iter().fold(running, |jobs, member| jobs.ne(ApiJob::NODE_UUID, member));
        let mut adopted = Vec::new();
        for job in orphaned.order_by(ApiJob::CREATE_DATE).all().await? {
            match self.take(&job).await {
                Ok(true) => adopted.push(job),
                // It is for another node, or another was faster, or the ring has changed.
                Ok(false) | Err(DbError::Unmet { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for job in &adopted {
            self.work.begin(job.uuid, job.account_uuid);
        }
        if adopted.iter().any(|job| job.long_job_uuid.is_some()) {
            self.cancel_what_is_cancelled().await?;
        }
        for job in adopted {
            tracing::info!(job = %job.uuid, api = job.api, from = %job.node_uuid, "a job is taken up");
            let job = ApiJob { node_uuid: self.cluster.node(), ..job };
            let (jobs, kernel) = (self.clone(), kernel.clone());
            tokio::spawn(async move { jobs.again(&kernel, job).await });
        }
        Ok(())
    }

    async fn take(&self, job: &ApiJob) -> Result<bool, DbError> {
        if !self.cluster.is_ours(&job.uuid) {
            return Ok(false);
        }
        let Some((_, mut batch)) = self.cluster.as_of_now(self.db.batch()) else { return Ok(false) };
        batch
            .update::<ApiJob>()
            .set(ApiJob::NODE_UUID, &self.cluster.node())
            .eq(ApiJob::UUID, &job.uuid)
            .eq(ApiJob::NODE_UUID, &job.node_uuid)
            .eq(ApiJob::STATE, &JobState::Running)
            .expect("the job is another node's by now");
        self.db.commit(batch).await.map(|_| true)
    }

    /// How long each of `jobs` may still take.
    pub(crate) async fn times_of(&self, jobs: &[Uuid]) -> Result<HashMap<Uuid, Duration>, ErrorCode> {
        let mut times = HashMap::new();
        for some in jobs.chunks(500) {
            let rows = self.db.select::<ApiJob>().one_of(ApiJob::UUID, some).all().await?;
            times.extend(rows.iter().map(|job| (job.uuid, time_left(job))));
        }
        Ok(times)
    }
}
