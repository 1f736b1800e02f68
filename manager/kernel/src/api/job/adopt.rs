//! Jobs of a node that is gone: answered from their flow, or handed to their handler again, by who owns the job's id.
//!
//! A node that was given up and came back has ended what it did in the life before, and others took its jobs up; but not for
//! certain, since whoever owned one may have been away as well. So it looks for those that are still its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cumulo_schema::{ErrorCode, Uuid};

use super::{ApiJob, JobState, Jobs, recover::time_left};
use crate::{Kernel, db::DbError};

/// The jobs whose record is being written: they are not under way yet, and nobody left them.
#[derive(Debug, Clone, Default)]
pub(super) struct Accepting(Arc<Mutex<Vec<Uuid>>>);

/// One of them.
pub(super) struct Accepted<'a> {
    all: &'a Accepting,
    job: Uuid,
}

impl Accepting {
    /// Keeps `job` among them until the answer is dropped.
    pub(super) fn keep(&self, job: Uuid) -> Accepted<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(job);
        Accepted { all: self, job }
    }

    fn has(&self, job: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&job)
    }
}

impl Drop for Accepted<'_> {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two with one id, either: the other stays.
        if let Some(at) = all.iter().position(|job| *job == self.job) {
            all.swap_remove(at);
        }
    }
}

impl Jobs {
    /// Takes up the jobs of nodes that are no members any more, as far as they are this node's to take up, and with `stray`
    /// those of its own that it does not work on.
    pub(crate) async fn adopt(&self, kernel: &Kernel, stray: bool) -> Result<(), ErrorCode> {
        let Some((members, _)) = self.cluster.as_of_now(self.db.batch()) else { return Ok(()) };
        let me = self.cluster.node();
        let running = self.db.select::<ApiJob>().eq(ApiJob::STATE, &JobState::Running);
        let others = members.iter().filter(|member| !stray || **member != me);
        let orphaned = others.fold(running, |jobs, member| jobs.ne(ApiJob::NODE_UUID, member));
        let mut adopted = Vec::new();
        for job in orphaned.order_by(ApiJob::CREATE_DATE).all().await? {
            if job.node_uuid == me {
                if self.is_left(job.uuid).await? {
                    adopted.push(job);
                }
                continue;
            }
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

    /// Whether the job `id`, which is this node's, is unfinished and nobody works on it.
    async fn is_left(&self, id: Uuid) -> Result<bool, DbError> {
        // In this order: a job is under way before it is no longer being accepted, and has ended on the record before it is no
        // longer under way.
        if self.accepting.has(id) || self.work.is_here(id) {
            return Ok(false);
        }
        let job = self.db.find(ApiJob::UUID, &id).await?;
        Ok(job.is_some_and(|job| job.state == JobState::Running && job.node_uuid == self.cluster.node()))
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
