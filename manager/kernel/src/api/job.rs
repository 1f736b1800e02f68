//! Asynchronous calls as rows: recorded before the 202, answered truthfully after any restart.
//!
//! The row holds what is needed to handle the call again: an unfinished job is, after a restart, answered from its flow
//! where it had started one, and handed to its handler again otherwise (handlers are repeatable, and what they create has
//! an id derived from the job). Secrets among the parameters are sealed in the row and gone with the parameters when the
//! job ends. An answer that holds a secret is sealed as well, for as long as it can be fetched.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cumulo_derive::resource;
use cumulo_schema::{ErrorCode, Json, Timestamp, Uuid, codes, wire_enum};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{Call, dispatch, dispatch::Body, projection, webhook};
use crate::{
    Kernel,
    bus::Caller,
    db::{Db, DbError, Deferred},
};

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
    node: Uuid,
    /// What runs here now, so that polling it costs no read, and whoever waits for its end.
    running: Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>,
}

impl Jobs {
    pub(crate) fn new(db: Db, node: Uuid) -> Self {
        Self { db, node, running: Arc::default() }
    }

    /// Records the job and starts it. Durable when this returns.
    pub(super) async fn accept(
        &self,
        kernel: &Kernel,
        caller: Result<Caller, ErrorCode>,
        call: Call,
        notify: Notify,
    ) -> Result<(), DbError> {
        let now = Timestamp::now();
        let account = caller.as_ref().map_or(Uuid::ADMIN, |caller| caller.account);
        let job = ApiJob {
            uuid: call.job,
            api: call.meta.name.to_owned(),
            account_uuid: account,
            session_uuid: caller.as_ref().ok().and_then(|caller| caller.session),
            client_ip: call.client_ip.clone(),
            state: JobState::Running,
            params: Some(Json(kernel.vault().seal_params(call.meta, call.params.clone()))),
            result: None,
            web_hook: notify.web_hook,
            with_schema: notify.with_schema,
            timeout_ms: i64::try_from(call.timeout.as_millis()).unwrap_or(i64::MAX),
            node_uuid: self.node,
            create_date: now,
            last_op_date: now,
        };
        let mut batch = self.db.batch();
        batch.insert(&job);
        self.db.commit(batch).await?;
        self.lock().insert(call.job, watch::Sender::default());
        let (jobs, kernel) = (self.clone(), kernel.clone());
        let deferred = Deferred::default();
        tokio::spawn(deferred.clone().scope(async move {
            let outcome = match caller {
                Ok(caller) => dispatch::run(&kernel, caller, call).await,
                Err(error) => Err(error),
            };
            deferred.last_commit_follows();
            jobs.finish(&kernel, job, outcome).await;
        }));
        Ok(())
    }

    async fn finish(&self, kernel: &Kernel, job: ApiJob, outcome: Result<Body, ErrorCode>) {
        let cut_off = |error: &ErrorCode| kernel.is_stopping() || error.is(codes::NODE_UNAVAILABLE);
        if outcome.as_ref().is_err_and(cut_off) {
            // Nothing is decided: the next start answers it.
            return;
        }
        let (state, result) = match &outcome {
            Ok(body) => (JobState::Succeeded, Ok(sealed(kernel, &job.api, body))),
            Err(error) => (JobState::Failed, serde_json::to_value(error)),
        };
        let mut batch = self.db.batch();
        batch
            .update::<ApiJob>()
            .set(ApiJob::STATE, &state)
            .set(ApiJob::PARAMS, &None::<Json<Map<String, Value>>>)
            .set(ApiJob::RESULT, &Json(result.unwrap_or_default()))
            .eq(ApiJob::UUID, &job.uuid)
            .any();
        if let Err(error) = self.db.commit(batch).await {
            tracing::error!(job = %job.uuid, api = job.api, %error, "a job's outcome could not be recorded");
        }
        let took = Timestamp::now().0 - job.create_date.0;
        match &outcome {
            Ok(_) => tracing::info!(job = %job.uuid, api = job.api, took_ms = took, "job done"),
            Err(error) => tracing::info!(job = %job.uuid, api = job.api, took_ms = took, %error, "job failed"),
        }
        self.lock().remove(&job.uuid);
        if let Some(hook) = &job.web_hook {
            let meta = kernel.apis().meta(&job.api).filter(|_| job.with_schema);
            webhook::post(hook, job.uuid, meta.map(|meta| (kernel, meta)), &outcome).await;
        }
    }

    /// Where the job `id` stands; waits at most `patience` for its end.
    pub(super) async fn poll(&self, kernel: &Kernel, id: Uuid, patience: Duration) -> Result<Polled, ErrorCode> {
        let running = self.lock().get(&id).map(watch::Sender::subscribe);
        if let Some(mut end) = running {
            // The sender is dropped when the job ends; it never sends.
            let ended = tokio::time::timeout(patience, end.changed());
            if patience.is_zero() || ended.await.is_err() {
                return Ok(Polled::Running);
            }
        }
        let Some(job) = self.db.find(ApiJob::UUID, &id).await? else { return Ok(Polled::Unknown) };
        let result = job.result.map(|result| result.0).unwrap_or_default();
        let outcome = match job.state {
            JobState::Running => return Ok(Polled::Running),
            JobState::Succeeded => opened(kernel, result),
            JobState::Failed => Err(serde_json::from_value(result)
                .unwrap_or_else(|_| ErrorCode::internal("the job failed, and its error is unreadable"))),
        };
        Ok(Polled::Ended { meta: kernel.apis().meta(&job.api), outcome })
    }

    /// Goes on with the jobs that the last life of this node left. Call after the flows were resumed.
    pub(crate) async fn recover(&self, kernel: &Kernel) -> Result<(), ErrorCode> {
        let unfinished = self
            .db
            .select::<ApiJob>()
            .eq(ApiJob::STATE, &JobState::Running)
            .eq(ApiJob::NODE_UUID, &self.node)
            .order_by(ApiJob::CREATE_DATE)
            .all()
            .await?;
        for job in unfinished {
            self.lock().insert(job.uuid, watch::Sender::default());
            let (jobs, kernel) = (self.clone(), kernel.clone());
            tokio::spawn(async move {
                let outcome = jobs.again(&kernel, &job).await;
                jobs.finish(&kernel, job, outcome).await;
            });
        }
        Ok(())
    }

    async fn again(&self, kernel: &Kernel, job: &ApiJob) -> Result<Body, ErrorCode> {
        if let Some(reply) = kernel.flows().outcome_of_job(job.uuid).await? {
            return projection::of_flow(kernel, reply?).await;
        }
        let unknown = || ErrorCode::internal(format!("{} was interrupted and is not known any more", job.api));
        let meta = kernel.apis().meta(&job.api).ok_or_else(unknown)?;
        let params = job.params.clone().map(|params| params.0).unwrap_or_default();
        let call = Call {
            meta,
            params: kernel.vault().open_params(params)?,
            job: job.uuid,
            timeout: Duration::from_millis(u64::try_from(job.timeout_ms).unwrap_or(0)),
            client_ip: job.client_ip.clone(),
        };
        let caller = Caller { account: job.account_uuid, session: job.session_uuid };
        dispatch::run(kernel, caller, call).await
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, watch::Sender<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
