//! From a recorded job to its outcome.

use std::time::Duration;

use cumulo_schema::{
    ErrorCode, Json, Timestamp, codes,
    system::{LongJob, LongJobState},
};
use serde_json::{Map, Value};

use super::{ApiJob, JobState, Jobs, sealed};
use crate::{
    Kernel,
    api::{
        Call,
        admission::{Place, Slot},
        created_by,
        dispatch::{self, Body},
        projection, webhook,
    },
    bus::Caller,
    db::{Batch, DbError, Deferred},
    plan,
    timeline::about,
    work,
};

/// What became of waiting for a turn.
enum Turn {
    Comes(Slot),
    /// It does not, for this reason.
    Never(ErrorCode),
    /// The node stops first; the next start sees to the job.
    NotNow,
}

/// What becomes of a job that was cut off.
pub(super) enum Cut {
    /// Its handler runs again.
    Again,
    /// It has ended.
    Ended(Result<Body, ErrorCode>),
    /// Another node sees to it, or the next start.
    NotOurs,
}

/// The pause before it is looked what became of a job that was cut off.
const AFTER_CUT: Duration = Duration::from_millis(100);

impl Jobs {
    /// Works on a job that is in the database, in a task of its own.
    pub(super) fn begin(
        &self,
        kernel: &Kernel,
        job: ApiJob,
        caller: Result<Caller, ErrorCode>,
        call: Call,
        place: Place,
    ) {
        self.work.begin(job.uuid, job.account_uuid);
        let (jobs, kernel) = (self.clone(), kernel.clone());
        tokio::spawn(async move { jobs.work_off(&kernel, job, caller, call, place).await });
    }

    pub(super) async fn work_off(
        &self,
        kernel: &Kernel,
        job: ApiJob,
        caller: Result<Caller, ErrorCode>,
        mut call: Call,
        place: Place,
    ) {
        // It is over at once and takes nobody's turn.
        let caller = match caller {
            Ok(caller) => caller,
            Err(error) => return self.end(kernel, &job, Err(error)).await,
        };
        let accepted = tokio::time::Instant::now();
        let slot = match self.turn(kernel, &job, call.timeout, place).await {
            Turn::Comes(slot) => slot,
            Turn::Never(error) => return self.end(kernel, &job, Err(error)).await,
            Turn::NotNow => return,
        };
        if job.long_job_uuid.is_some() {
            self.long_job_runs(&job).await;
        }
        let deadline = accepted + call.timeout;
        loop {
            call.timeout = deadline.saturating_duration_since(tokio::time::Instant::now());
            let deferred = Deferred::default();
            let cut = match self.work_once(kernel, &job, (caller, call.clone()), &deferred).await {
                Err(error) if error.is(codes::NODE_UNAVAILABLE) && self.cluster.is_shared() => error,
                outcome => {
                    deferred.last_commit_follows();
                    match deferred.scope(self.finish(kernel, &job, outcome)).await {
                        Ok(()) => break,
                        Err(moved) => moved,
                    }
                }
            };
            let outcome = match self.after_a_cut(kernel, &job, cut).await {
                Cut::Again if tokio::time::Instant::now() < deadline => continue,
                Cut::Again => Err(work::late()),
                Cut::Ended(outcome) => outcome,
                Cut::NotOurs => {
                    tracing::info!(job = %job.uuid, api = job.api, "a job is left to another node, or to the next start");
                    self.work.end(job.uuid);
                    break;
                }
            };
            self.end(kernel, &job, outcome).await;
            break;
        }
        drop(slot);
    }

    /// Ends a job of which nothing else is still to be written. Somebody else's by now, it is left to them.
    pub(super) async fn end(&self, kernel: &Kernel, job: &ApiJob, outcome: Result<Body, ErrorCode>) {
        if self.finish(kernel, job, outcome).await.is_err() {
            tracing::info!(job = %job.uuid, api = job.api, "another node took the job up, and answers it");
            self.work.end(job.uuid);
        }
    }

    async fn work_once(
        &self,
        kernel: &Kernel,
        job: &ApiJob,
        (caller, call): (Caller, Call),
        deferred: &Deferred,
    ) -> Result<Body, ErrorCode> {
        let (kernel, anchor) = (kernel.clone(), self.cluster.anchor());
        // A task of its own, so that a handler that panics ends its job and not the record of it.
        let work = deferred.scope(anchor.scope(async move { dispatch::run(&kernel, caller, call).await }));
        tokio::spawn(work).await.unwrap_or_else(|panic| {
            Err(ErrorCode::internal(format!("{} failed; the log says more", job.api)).because_of(&panic))
        })
    }

    /// Finds out what is to become of a job whose work was cut off, here or on the node that did it.
    pub(super) async fn after_a_cut(&self, kernel: &Kernel, job: &ApiJob, error: ErrorCode) -> Cut {
        loop {
            if kernel.is_stopping() {
                return Cut::NotOurs;
            }
            tokio::time::sleep(AFTER_CUT).await;
            if self.cluster.is_fenced() {
                continue;
            }
            match self.db.find(ApiJob::UUID, &job.uuid).await {
                Ok(Some(row)) if row.state == JobState::Running && row.node_uuid == self.cluster.node() => {}
                // It was taken up by another node.
                Ok(_) => return Cut::NotOurs,
                Err(_) => continue,
            }
            let anchor = self.cluster.anchor();
            return match anchor.scope(kernel.flows().outcome_of_job(job.uuid)).await {
                Ok(None) => Cut::Again,
                Ok(Some(Ok(reply))) => Cut::Ended(projection::of_flow(kernel, reply).await),
                Ok(Some(Err(failed))) => Cut::Ended(Err(failed)),
                Err(again) => {
                    tracing::debug!(job = %job.uuid, %error, %again, "a job was cut off once more");
                    continue;
                }
            };
        }
    }

    async fn turn(&self, kernel: &Kernel, job: &ApiJob, timeout: Duration, place: Place) -> Turn {
        let context = crate::bus::CallContext::starting(job.uuid, Caller::SYSTEM, timeout);
        let (stop, stopping) = (self.work.stop_of(&context), kernel.stopping());
        tokio::select! {
            biased;
            () = stopping.cancelled() => Turn::NotNow,
            () = stop.cancelled() => Turn::Never(work::cancelled()),
            slot = place.turn() => Turn::Comes(slot),
            () = tokio::time::sleep(timeout) => {
                let text = format!("{} did not get its turn in time; nothing was done; try again later", job.api);
                Turn::Never(ErrorCode::new(codes::TIMEOUT, text))
            }
        }
    }

    async fn long_job_runs(&self, job: &ApiJob) {
        let mut batch = self.db.batch();
        batch
            .update::<LongJob>()
            .set(LongJob::STATE, &LongJobState::Running)
            .eq(LongJob::API_ID, &job.uuid)
            .eq(LongJob::STATE, &LongJobState::Waiting)
            .any();
        if let Err(error) = self.db.commit(batch).await {
            tracing::warn!(job = %job.uuid, %error, "that a long job runs could not be recorded");
        }
    }

    /// Adds to `batch`, which ends `job`, what there is to tell of it about each resource.
    fn add_to_timelines(&self, kernel: &Kernel, batch: &mut Batch, job: &ApiJob, error: Option<&ErrorCode>) {
        let (Some(meta), Some(params)) = (kernel.apis().meta(&job.api), &job.params) else { return };
        if plan::is_wanted(&params.0) {
            return;
        }
        let call = (job.uuid, job.api.as_str(), job.account_uuid);
        for resource in about(meta, &params.0, created_by(meta, &params.0, job.uuid)) {
            batch.insert(&kernel.timeline().call(call, resource, job.create_date, error));
        }
    }

    /// Records how the job ended, together with what its work has deferred, and tells who waits. An `Err` where nothing is
    /// recorded as the job is another node's by now, or a flow of which something was deferred: what that comes to elsewhere
    /// is the outcome.
    async fn finish(&self, kernel: &Kernel, job: &ApiJob, outcome: Result<Body, ErrorCode>) -> Result<(), ErrorCode> {
        let alone = !self.cluster.is_shared();
        let cut_off = |error: &ErrorCode| kernel.is_stopping() || (alone && error.is(codes::NODE_UNAVAILABLE));
        if outcome.as_ref().is_err_and(cut_off) {
            // Nothing is decided: the next start answers it.
            return Ok(());
        }
        let (state, result) = match &outcome {
            Ok(body) => (JobState::Succeeded, Ok(sealed(kernel, &job.api, body))),
            Err(error) => (JobState::Failed, serde_json::to_value(error)),
        };
        let was_cancelled = self.work.is_cancelled(job.uuid);
        let took = Timestamp::now().0 - job.create_date.0;
        let mut batch = self.db.batch();
        batch
            .update::<ApiJob>()
            .set(ApiJob::STATE, &state)
            .set(ApiJob::PARAMS, &None::<Json<Map<String, Value>>>)
            .set(ApiJob::RESULT, &Json(result.unwrap_or_default()))
            .set(ApiJob::PROGRESS, &self.work.last(job.uuid).map(Json))
            .eq(ApiJob::UUID, &job.uuid)
            .eq(ApiJob::NODE_UUID, &self.cluster.node())
            .eq(ApiJob::STATE, &JobState::Running)
            .expect("the job is another node's by now");
        if job.long_job_uuid.is_some() {
            let state = match state {
                JobState::Succeeded => LongJobState::Succeeded,
                _ if was_cancelled => LongJobState::Canceled,
                _ => LongJobState::Failed,
            };
            batch
                .update::<LongJob>()
                .set(LongJob::STATE, &state)
                .set(LongJob::JOB_RESULT, &Some(super::super::http::body_text(None, &outcome)))
                .set(LongJob::EXECUTE_TIME, &Some(took / 1000))
                .eq(LongJob::API_ID, &job.uuid)
                .any();
        }
        self.add_to_timelines(kernel, &mut batch, job, outcome.as_ref().err());
        match self.db.commit_surely(batch).await {
            Ok(_) => {}
            Err(error @ DbError::Unmet { .. }) => return Err(error.into()),
            Err(DbError::Fenced) => {
                tracing::info!(job = %job.uuid, api = job.api, "a job is left to who takes it up, which may be this node");
                self.work.end(job.uuid);
                self.cluster.strayed();
                return Ok(());
            }
            Err(error) => {
                tracing::error!(job = %job.uuid, api = job.api, %error, "a job's outcome could not be recorded");
            }
        }
        match &outcome {
            Ok(_) => tracing::info!(job = %job.uuid, api = job.api, took_ms = took, "job done"),
            Err(error) => tracing::info!(job = %job.uuid, api = job.api, took_ms = took, %error, "job failed"),
        }
        self.work.end(job.uuid);
        if let Some(hook) = &job.web_hook {
            let meta = kernel.apis().meta(&job.api).filter(|_| job.with_schema);
            webhook::tell(&self.hooks, hook, job.uuid, meta.map(|meta| (kernel, meta)), &outcome);
        }
        Ok(())
    }
}
