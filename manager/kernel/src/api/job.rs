//! Asynchronous calls as rows: recorded before the 202, answered truthfully after any restart.
//!
//! The row holds what is needed to handle the call again: an unfinished job is, after a restart, answered from its flow
//! where it had started one, and handed to its handler again otherwise (handlers are repeatable, and what they create has
//! an id derived from the job). Secrets among the parameters are sealed in the row and gone with the parameters when the
//! job ends. An answer that holds a secret is sealed as well, for as long as it can be fetched.

mod adopt;
pub(crate) mod elsewhere;
mod recover;
mod reopen;
mod run;

use std::time::{Duration, Instant};

use cumulo_derive::resource;
use cumulo_schema::{ErrorCode, Json, Timestamp, Uuid, wire_enum};
use serde_json::{Map, Value};

use adopt::Accepting;

use super::{
    Call,
    admission::{Admission, Busy, Place},
    dispatch::Body,
    settings,
};
use crate::{
    Kernel,
    bus::Caller,
    cluster::Cluster,
    db::{Batch, Db, DbError},
    hook::Hooks,
    work::{Progress, Work},
};

/// How often a job that another node has is looked at for a client that waits.
const LOOK: Duration = Duration::from_millis(100);
/// How long results stay readable (wire.md §5: three hours).
const KEEP: Duration = Duration::from_hours(3);

wire_enum! {
    /// Where a job stands.
    pub enum JobState { Running, Succeeded, Failed }
}

/// A job.
#[resource(table = "api_job", java = "org.cumulo.job.ApiJobInventory", vo = "ApiJobVO", internal)]
pub struct ApiJob {
    /// The job's id, the last segment of `location`.
    #[field(unique)]
    pub uuid: Uuid,
    /// The API.
    pub api: String,
    /// The account that called.
    #[field(indexed)]
    pub account_uuid: Uuid,
    /// The session it used.
    pub session_uuid: Option<Uuid>,
    /// Where the client is.
    pub client_ip: String,
    /// Where it stands.
    #[field(indexed)]
    pub state: JobState,
    /// Its parameters while it runs, secrets sealed.
    pub params: Option<Json<Map<String, Value>>>,
    /// What it answers: the body, or the error.
    pub result: Option<Json<Value>>,
    /// Whom to tell.
    pub web_hook: Option<String>,
    /// Whether the caller asked for the `schema` map.
    pub with_schema: bool,
    /// How long it may take, in milliseconds.
    pub timeout_ms: i64,
    /// The node that works on it.
    #[field(indexed)]
    pub node_uuid: Uuid,
    /// The long job that it is a run of.
    pub long_job_uuid: Option<Uuid>,
    /// How far it was when it ended.
    pub progress: Option<Json<Value>>,
    /// When it was accepted.
    pub create_date: Timestamp,
    /// When it ended.
    pub last_op_date: Timestamp,
}

/// What a poll finds.
pub(super) enum Polled {
    Running,
    Ended { meta: Option<&'static cumulo_schema::ApiMeta>, outcome: Result<Body, ErrorCode> },
    Unknown,
}

/// How the client wants to hear of the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Notify {
    pub(super) web_hook: Option<String>,
    pub(super) with_schema: bool,
}

/// The jobs of this node; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    db: Db,
    cluster: Cluster,
    work: Work,
    hooks: Hooks,
    calls: Admission,
    long: Admission,
    accepting: Accepting,
}

impl Jobs {
    pub(crate) fn new(db: Db, cluster: Cluster, work: Work, hooks: Hooks) -> Self {
        let (calls, long, accepting) = Default::default();
        Self { db, cluster, work, hooks, calls, long, accepting }
    }

    /// A place for a call, before anything is done for it.
    pub(super) fn enter(&self, kernel: &Kernel) -> Result<Place, Busy> {
        self.calls.enter(settings::bounds(kernel.configs()))
    }

    /// Records the call as a job and starts it. A caller that could not be authenticated fails the job, as in the original:
    /// the 202 comes first. `Conflict` means that there is a job of that id already.
    pub(super) async fn accept(
        &self,
        kernel: &Kernel,
        place: Place,
        caller: Result<Caller, ErrorCode>,
        call: Call,
        notify: Notify,
    ) -> Result<(), DbError> {
        let job = self.row(kernel, &caller, &call, notify, None);
        let _accepted = self.accepting.keep(job.uuid);
        let mut batch = self.db.batch();
        batch.insert(&job);
        match self.db.commit(batch).await {
            Ok(_) => {}
            Err(error @ DbError::Unavailable { .. }) => {
                self.withdraw(&job);
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        self.begin(kernel, job, caller, call, place);
        Ok(())
    }

    /// Makes sure that a job whose record is in doubt, and whose client was told that it failed, is not found by the next
    /// start.
    fn withdraw(&self, job: &ApiJob) {
        let (db, batch, job) = (self.db.clone(), withdrawal(&self.db, job), job.uuid);
        tokio::spawn(async move {
            if let Err(error) = db.commit_surely(batch).await {
                tracing::warn!(%job, %error, "a job that was refused may be recorded all the same");
            }
        });
    }

    /// Records a run of the long job `long` together with what `batch` says of it, and starts it.
    pub(super) async fn accept_long(
        &self,
        kernel: &Kernel,
        caller: Caller,
        call: Call,
        (long, mut batch): (Uuid, Batch),
    ) -> Result<(), ErrorCode> {
        let place = self.long.enter(settings::long_bounds(kernel.configs())).map_err(|busy| busy.error())?;
        let job = self.row(kernel, &Ok(caller), &call, Notify::default(), Some(long));
        let _accepted = self.accepting.keep(job.uuid);
        batch.insert(&job);
        // Not to be left open: a run that is recorded and not begun would wait for the node's next start.
        self.db.commit_surely(batch).await?;
        self.begin(kernel, job, Ok(caller), call, place);
        Ok(())
    }

    fn row(
        &self,
        kernel: &Kernel,
        caller: &Result<Caller, ErrorCode>,
        call: &Call,
        notify: Notify,
        long: Option<Uuid>,
    ) -> ApiJob {
        let now = Timestamp::now();
        ApiJob {
            uuid: call.job,
            api: call.meta.name.to_owned(),
            account_uuid: caller.as_ref().map_or(Uuid::ADMIN, |caller| caller.account),
            session_uuid: caller.as_ref().ok().and_then(|caller| caller.session),
            client_ip: call.client_ip.clone(),
            state: JobState::Running,
            params: Some(Json(kernel.vault().seal_params(call.meta, call.params.clone()))),
            result: None,
            web_hook: notify.web_hook,
            with_schema: notify.with_schema,
            timeout_ms: i64::try_from(call.timeout.as_millis()).unwrap_or(i64::MAX),
            node_uuid: self.cluster.node(),
            long_job_uuid: long,
            progress: None,
            create_date: now,
            last_op_date: now,
        }
    }

    /// Where the job `id` stands; waits at most `patience` for its end.
    pub(super) async fn poll(&self, kernel: &Kernel, id: Uuid, patience: Duration) -> Result<Polled, ErrorCode> {
        if let Some(mut end) = self.work.end_of(id) {
            // The sender is dropped when the job ends; it never sends.
            let ended = tokio::time::timeout(patience, end.changed());
            if patience.is_zero() || ended.await.is_err() {
                return Ok(Polled::Running);
            }
        }
        let asked = Instant::now();
        let job = loop {
            match self.db.find(ApiJob::UUID, &id).await {
                // Another node has it; only the row tells when it has ended.
                Ok(Some(job)) if job.state == JobState::Running && asked.elapsed() < patience => {
                    tokio::time::sleep(LOOK.min(patience.saturating_sub(asked.elapsed()))).await;
                }
                Ok(Some(job)) => break job,
                Ok(None) => return Ok(Polled::Unknown),
                // To a client an error is the job's end, and nobody here knows how that was: the server is away, or this node
                // is stopping and another one has the job, or the next life.
                Err(DbError::Unavailable { .. } | DbError::Closed) => return Ok(Polled::Running),
                Err(error) => return Err(error.into()),
            }
        };
        let result = job.result.map(|result| result.0).unwrap_or_default();
        let outcome = match job.state {
            JobState::Running => return Ok(Polled::Running),
            JobState::Succeeded => opened(kernel, result),
            JobState::Failed => Err(serde_json::from_value(result)
                .unwrap_or_else(|_| ErrorCode::internal("the job failed, and its error is unreadable"))),
        };
        Ok(Polled::Ended { meta: kernel.apis().meta(&job.api), outcome })
    }

    /// Whether `id` is a job of `caller`'s account that does what `meta` says.
    pub(super) async fn is_of(
        &self,
        id: Uuid,
        meta: &cumulo_schema::ApiMeta,
        caller: &Caller,
    ) -> Result<bool, ErrorCode> {
        let job = self.db.find(ApiJob::UUID, &id).await?;
        Ok(job.is_some_and(|job| job.api == meta.name && job.account_uuid == caller.account))
    }

    /// How far the job `id` is, or was when it ended: all entries of one under way, or the latest.
    pub(crate) async fn progress(&self, id: Uuid, all: bool) -> Result<Option<Progress>, ErrorCode> {
        if let Some(progress) = self.work.progress(id, all) {
            return Ok(Some(progress));
        }
        let job = self.db.find(ApiJob::UUID, &id).await?;
        Ok(job.map(|job| Progress {
            account: job.account_uuid,
            entries: job.progress.map(|last| last.0).into_iter().collect(),
        }))
    }

    /// How many jobs run and wait, long ones apart.
    pub(crate) fn depths(&self) -> ((usize, usize), (usize, usize)) {
        (self.calls.depth(), self.long.depth())
    }

    /// Forgets what ended three hours ago.
    pub(crate) async fn forget_old(&self) -> Result<(), ErrorCode> {
        let before = Timestamp::now().0 - i64::try_from(KEEP.as_millis()).unwrap_or(i64::MAX);
        let ended = [JobState::Succeeded, JobState::Failed];
        let old = self
            .db
            .select::<ApiJob>()
            .one_of(ApiJob::STATE, &ended)
            .at_most(ApiJob::CREATE_DATE, before)
            .limit(10_000)
            .all()
            .await?;
        let uuids: Vec<Uuid> = old.iter().map(|job| job.uuid).collect();
        if !uuids.is_empty() {
            let mut batch = self.db.batch();
            batch.delete::<ApiJob>().one_of(ApiJob::UUID, &uuids).any();
            self.db.commit(batch).await?;
        }
        Ok(())
    }
}

/// Takes back this record of `job` and no other: the client may have called again with the same id meanwhile, here or at
/// another node, or another node may have taken the job up.
fn withdrawal(db: &Db, job: &ApiJob) -> Batch {
    let mut batch = db.batch();
    batch
        .delete::<ApiJob>()
        .eq(ApiJob::UUID, &job.uuid)
        .eq(ApiJob::NODE_UUID, &job.node_uuid)
        .eq(ApiJob::CREATE_DATE, &job.create_date)
        .any();
    batch
}

/// The answer as the row keeps it: sealed, and then a text, where the API says that it holds a secret.
fn sealed(kernel: &Kernel, api: &str, body: &Body) -> Value {
    let body = Value::Object(body.clone());
    match kernel.apis().meta(api).is_some_and(|meta| meta.secret_reply) {
        true => Value::String(kernel.vault().seal(&body.to_string())),
        false => body,
    }
}

/// Reverses [`sealed`].
fn opened(kernel: &Kernel, result: Value) -> Result<Body, ErrorCode> {
    match result {
        Value::Object(body) => Ok(body),
        Value::String(text) => serde_json::from_str(&kernel.vault().unseal(&text)?)
            .map_err(|cause| ErrorCode::internal("a stored answer is unreadable").because_of(&cause)),
        _ => Ok(Body::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setup;

    fn accepted(job: Uuid, node: Uuid, at: i64) -> ApiJob {
        ApiJob {
            uuid: job,
            api: "CreateZone".to_owned(),
            account_uuid: Uuid::ADMIN,
            session_uuid: None,
            client_ip: String::new(),
            state: JobState::Running,
            params: None,
            result: None,
            web_hook: None,
            with_schema: false,
            timeout_ms: 0,
            node_uuid: node,
            long_job_uuid: None,
            progress: None,
            create_date: Timestamp(at),
            last_op_date: Timestamp(at),
        }
    }

    #[tokio::test]
    async fn a_job_that_was_accepted_after_all_is_not_withdrawn() {
        let dir = tempfile::tempdir().expect("a folder");
        let db = Db::sqlite(&dir.path().join("db")).await.expect("opens");
        let setup = Setup::new(db.clone(), Uuid::random(), &dir.path().join("key")).expect("a setup");
        db.migrate(setup.all_migrations()).await.expect("tables");
        let (job, node) = (Uuid::random(), Uuid::random());
        let refused = accepted(job, node, 1);
        for (found, stays) in
            [(accepted(job, node, 2), true), (accepted(job, Uuid::random(), 1), true), (accepted(job, node, 1), false)]
        {
            let mut batch = db.batch();
            batch.delete::<ApiJob>().eq(ApiJob::UUID, &job).any();
            batch.insert(&found);
            db.commit(batch).await.expect("recorded");
            db.commit(withdrawal(&db, &refused)).await.expect("withdrawn");
            let left = db.find(ApiJob::UUID, &job).await.expect("readable");
            assert_eq!(left.is_some(), stays, "of node {} at {:?}", found.node_uuid, found.create_date);
        }
    }
}
