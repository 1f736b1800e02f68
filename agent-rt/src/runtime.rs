//! The runtime: accepts commands, runs them in order per key, delivers their outcomes.

mod answer;
mod lanes;
mod refusal;
mod run;
mod under_way;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use cumulo_proto::{Accepted as AcceptedReply, Header, Outcome, PingReply};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    AgentError, Callbacks, Chain, Commands, Journal, JournalError, Metrics,
    callback::{Posting, post_outcome},
    journal::{Accepted, Begun, Left, now_ms},
};
use answer::{Answer, Awaited};
use lanes::Lanes;
pub use refusal::Refusal;
use run::Job;
use under_way::UnderWay;

/// What a runtime is made of.
pub struct RuntimeParts<H> {
    /// The agent's id.
    pub agent_id: String,
    /// The version of its program.
    pub version: &'static str,
    /// What commands work on.
    pub host: Arc<H>,
    /// The commands it knows.
    pub commands: Commands<H>,
    /// Its memory of tasks.
    pub journal: Journal,
    /// Its way to the manager.
    pub callbacks: Arc<dyn Callbacks>,
    /// Where it reports to until told otherwise.
    pub manager: Option<String>,
}

/// The runtime of one agent; clones are the same runtime.
pub struct Runtime<H> {
    inner: Arc<Inner<H>>,
}

impl<H> Clone for Runtime<H> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<H> {
    agent_id: String,
    version: &'static str,
    boot_id: String,
    host: Arc<H>,
    commands: Arc<Commands<H>>,
    posting: Arc<Posting>,
    lanes: Lanes<Job>,
    under_way: UnderWay,
    tasks: TaskTracker,
    posts: TaskTracker,
    accepting: AtomicBool,
    manager: watch::Sender<Option<String>>,
    /// Never looked at, so that it tells whether anybody connected since the start.
    connected: watch::Receiver<Option<String>>,
}

impl<H: Send + Sync + 'static> Runtime<H> {
    /// A runtime that goes on with what the journal says is left: must be called within a tokio runtime.
    pub fn start(parts: RuntimeParts<H>) -> Self {
        let RuntimeParts { agent_id, version, host, commands, journal, callbacks, manager } = parts;
        let stopping = CancellationToken::new();
        let posting = Posting::new(callbacks, Arc::new(journal), Arc::new(Metrics::new()), stopping);
        Self::begin((agent_id, version), host, Arc::new(commands), posting, manager)
    }

    /// The agent after the death of its process, which nothing of this runtime may have outlived: another one over what was on
    /// its disk and on its machine. Must be called within a tokio runtime.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn again(&self) -> Self {
        let Inner { agent_id, version, host, commands, posting, manager, .. } = &*self.inner;
        let (callbacks, journal) = (posting.callbacks.clone(), posting.journal.clone());
        let posting = Posting::new(callbacks, journal, Arc::new(Metrics::new()), CancellationToken::new());
        let manager = manager.borrow().clone();
        Self::begin((agent_id.clone(), version), host.clone(), commands.clone(), posting, manager)
    }

    fn begin(
        (agent_id, version): (String, &'static str),
        host: Arc<H>,
        commands: Arc<Commands<H>>,
        posting: Posting,
        manager: Option<String>,
    ) -> Self {
        let (manager, connected) = watch::channel(manager);
        let runtime = Self {
            inner: Arc::new(Inner {
                agent_id,
                version,
                boot_id: uuid::Uuid::new_v4().simple().to_string(),
                host,
                commands,
                posting: Arc::new(posting),
                lanes: Lanes::default(),
                under_way: UnderWay::default(),
                tasks: TaskTracker::new(),
                posts: TaskTracker::new(),
                accepting: AtomicBool::new(true),
                manager,
                connected,
            }),
        };
        runtime.resume();
        runtime
    }

    /// Accepts the command at the RPC `path`. When this returns it is in the journal, and its outcome in the answer if it ended
    /// while the manager waits for that.
    ///
    /// # Errors
    /// When it will not be run; nothing was done then.
    pub async fn accept(&self, path: &str, request: Bytes) -> Result<AcceptedReply, Refusal> {
        if !self.inner.accepting.load(Ordering::Acquire) {
            return Err(Refusal::Stopping);
        }
        let command = self.inner.commands.by_path(path).ok_or_else(|| Refusal::Unknown { path: path.to_owned() })?;
        let (header, key) = command.parse(&request).map_err(Refusal::Bad)?;
        refusal::check(&header)?;
        let task = Accepted {
            task_id: header.task_id.clone(),
            command: command.name().to_owned(),
            key,
            callback_url: header.callback_url.clone(),
            epoch: header.epoch,
            request: request.clone(),
            at_ms: now_ms(),
        };
        // A manager that gives up or dies while this is written down takes the request along; what is in the journal is done.
        let runtime = self.clone();
        let entered = self.inner.tasks.spawn(async move { runtime.enter(task, header, request).await });
        let (known, awaited) = entered.await.map_err(|_| Refusal::Stopping)??;
        Ok(AcceptedReply { known, outcome: awaited.outcome().await })
    }

    /// Enters `task` in the journal and has it done where it is new; answers whether it was known, and where its outcome may
    /// come.
    async fn enter(&self, task: Accepted, header: Header, request: Bytes) -> Result<(bool, Awaited), Refusal> {
        let (key, command) = (task.key.clone(), task.command.clone());
        match self.inner.posting.journal.begin(task).await.map_err(Refusal::Journal)? {
            Begun::New => {
                info!(task = header.task_id, command, key, trace = header.trace, "accepted");
                let (answer, awaited) = answer::within(header.answer_within_ms);
                self.enqueue(Job { answer, ..self.job(header, key, request, command) });
                Ok((false, awaited))
            }
            Begun::Running => Ok((true, answer::within(0).1)),
            Begun::Finished(outcome) => {
                let (answer, awaited) = answer::within(header.answer_within_ms);
                self.tell(&header.callback_url, outcome, answer);
                Ok((true, awaited))
            }
            Begun::Stale { newest } => Err(Refusal::StaleEpoch { key, epoch: header.epoch, newest }),
        }
    }

    /// Stops a task that waits or runs, as far as its command lets itself be stopped; whether there is one.
    pub fn cancel(&self, task_id: &str) -> bool {
        let known = self.inner.under_way.cancel(task_id);
        info!(task = task_id, known, "asked to stop");
        known
    }

    /// The answer to a ping.
    pub fn ping(&self) -> PingReply {
        let journal = &self.inner.posting.journal;
        PingReply {
            agent: self.inner.agent_id.clone(),
            version: self.inner.version.to_owned(),
            boot_id: self.inner.boot_id.clone(),
            running: journal.running() as u64,
            unacknowledged: journal.unacknowledged() as u64,
            connected: self.inner.connected.has_changed().unwrap_or(false),
        }
    }

    /// Takes no more commands, waits until those accepted have ended, and lets go of what is not acknowledged yet: it
    /// is posted after the next start.
    pub async fn stop(&self) {
        self.inner.accepting.store(false, Ordering::Release);
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        self.inner.posting.stopping.cancel();
        self.inner.posts.close();
        self.inner.posts.wait().await;
    }

    /// Metrics in Prometheus' text format.
    pub fn metrics_text(&self) -> String {
        let Posting { journal, metrics, .. } = &*self.inner.posting;
        metrics.tasks(journal.running(), journal.unacknowledged());
        metrics.text()
    }

    /// What was measured last; shown in the metrics until the next time.
    pub(crate) fn measured(&self, usages: Vec<cumulo_proto::Usage>) {
        self.inner.posting.metrics.measured(usages);
    }

    /// Everything the agent serves over TLS: its commands, Ping, `/healthz` and `/metrics`.
    pub fn router(&self) -> axum::Router {
        crate::grpc::router(self)
    }

    /// The agent's id.
    pub fn agent_id(&self) -> &str {
        &self.inner.agent_id
    }

    /// What commands work on.
    pub fn host(&self) -> &Arc<H> {
        &self.inner.host
    }

    /// Whom to report to: the callback URL of the manager that connected last.
    pub fn manager(&self) -> watch::Receiver<Option<String>> {
        self.inner.manager.subscribe()
    }

    /// Forgets what is old; to be called now and then.
    ///
    /// # Errors
    /// When the journal cannot be rewritten.
    pub async fn maintain(&self) -> Result<(), JournalError> {
        self.inner.posting.journal.maintain().await
    }

    /// The command and task id of an encoded request, where they can be told.
    #[cfg(feature = "sim")]
    pub fn peek(&self, path: &str, request: &[u8]) -> Option<(&'static str, String)> {
        let command = self.inner.commands.by_path(path)?;
        let (header, _) = command.parse(request).ok()?;
        Some((command.name(), header.task_id))
    }

    pub(crate) fn service(&self) -> &'static str {
        self.inner.commands.service()
    }

    pub(crate) fn boot_id(&self) -> &str {
        &self.inner.boot_id
    }

    pub(crate) fn callbacks(&self) -> Arc<dyn Callbacks> {
        Arc::clone(&self.inner.posting.callbacks)
    }

    /// Goes on with what an earlier process left.
    fn resume(&self) {
        for left in self.inner.posting.journal.left() {
            match left {
                Left::Unacknowledged(outcome) => self.post(outcome),
                Left::Unfinished(task) => match self.job_again(&task) {
                    Ok(job) => {
                        info!(task = task.task_id, command = task.command, "was interrupted; runs again");
                        self.enqueue(job);
                    }
                    Err(error) => {
                        warn!(task = task.task_id, command = task.command, error = %Chain(&error), "cannot run again");
                        self.fail(task, &error);
                    }
                },
            }
        }
    }

    fn job_again(&self, task: &Accepted) -> Result<Job, AgentError> {
        let command = self.inner.commands.by_name(&task.command).ok_or_else(|| {
            AgentError::new(
                "agent.unknown-command",
                format!("this agent does not know the command {}; upgrade it", task.command),
            )
        })?;
        let (mut header, key) = command.parse(&task.request)?;
        header.callback_url.clone_from(&task.callback_url);
        Ok(self.job(header, key, task.request.clone(), task.command.clone()))
    }

    /// A task about to wait for its turn, which can be cancelled from now on.
    fn job(&self, header: Header, key: String, request: Bytes, command: String) -> Job {
        let cancel = self.inner.under_way.begins(&header.task_id);
        Job { header, key, request, command, cancel, answer: None }
    }

    /// Ends a task that cannot be run.
    fn fail(&self, task: Accepted, error: &AgentError) {
        let header = Header { task_id: task.task_id, callback_url: task.callback_url, ..Header::default() };
        let cancel = CancellationToken::new();
        let job = Job { header, key: task.key, request: task.request, command: task.command, cancel, answer: None };
        let outcome = self.outcome(&job, Err(error.to_failure()), std::time::Duration::ZERO);
        let runtime = self.clone();
        self.inner.tasks.spawn(async move { runtime.finish(&job.header.callback_url, outcome, None).await });
    }

    fn enqueue(&self, job: Job) {
        if let Some(lane) = self.inner.lanes.push(job.key.clone(), job) {
            let runtime = self.clone();
            self.inner.tasks.spawn(async move {
                while let Some(job) = runtime.inner.lanes.next(&lane) {
                    runtime.run(job).await;
                }
            });
        }
    }

    /// Records an outcome and tells it.
    async fn finish(&self, url: &str, outcome: Outcome, answer: Option<Answer>) {
        if let Err(error) = self.inner.posting.journal.finish(&outcome).await {
            // The manager still gets it; after a restart the task runs again, which commands allow.
            warn!(task = outcome.task_id, error = %Chain(&error), "an outcome is not on disk");
        }
        self.tell(url, outcome, answer);
    }

    /// Tells an outcome in the answer that the manager at `url` waits for, or else has it posted: also where another one has
    /// asked for it since.
    fn tell(&self, url: &str, outcome: Outcome, answer: Option<Answer>) {
        let Posting { callbacks, journal, metrics, .. } = &*self.inner.posting;
        let goes = |_: &Answer| journal.is_owed_to(&outcome.task_id, url) && callbacks.goes_with_answer(&outcome);
        let Some(answer) = answer.filter(goes) else {
            return self.post(outcome);
        };
        let task = outcome.task_id.clone();
        match answer.give(outcome) {
            None => {
                metrics.posted("answer", true);
                journal.acknowledge(&task, url);
            }
            Some(outcome) => self.post(outcome),
        }
    }

    fn post(&self, outcome: Outcome) {
        self.inner.posts.spawn(post_outcome(Arc::clone(&self.inner.posting), outcome));
    }
}
