//! A manager's end for tests: sends commands, gets outcomes, progress and reports.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Extension, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use cumulo_proto::{
    AgentCommand, Failure, Header, Outcome, Progress, Report, Samples, outcome::Result as OutcomeResult,
};
use prost::Message as _;
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{AgentLink, Callbacks, LinkError, PostError, journal::now_ms, serve, submit, tls};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What agents told.
#[derive(Default)]
pub struct Inbox {
    heard: Mutex<Heard>,
    arrived: Notify,
    deaf: AtomicBool,
    url: Mutex<String>,
}

#[derive(Default)]
struct Heard {
    outcomes: Vec<Outcome>,
    progress: Vec<Progress>,
    reports: Vec<Report>,
    samples: Vec<Samples>,
}

/// A command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It did not get there.
    #[error("the command did not get to the agent")]
    Link(#[from] LinkError),
    /// It failed there.
    #[error("{}: {}", .0.code, .0.message)]
    Failed(Failure),
    /// Nobody answered.
    #[error("no outcome came")]
    Lost,
}

impl CallError {
    /// The stable code of a command that failed or was refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Failed(failure) => Some(&failure.code),
            Self::Link(LinkError::Refused { code, .. }) => Some(code),
            Self::Link(LinkError::Unreachable { .. }) | Self::Lost => None,
        }
    }
}

impl Inbox {
    /// Sends a command under a new task id, with a minute's deadline, and waits for its outcome.
    ///
    /// # Errors
    /// When it did not get there, failed, or no outcome came.
    pub async fn call<C: AgentCommand>(&self, link: &dyn AgentLink, mut command: C) -> Result<C::Reply, CallError> {
        let task_id = uuid::Uuid::new_v4().simple().to_string();
        command.set_header(self.header(&task_id));
        submit(link, &command).await?;
        let outcome = self.wait_outcomes(&task_id, 1).await.and_then(|mut all| all.pop()).ok_or(CallError::Lost)?;
        match outcome.result {
            Some(OutcomeResult::Reply(reply)) => C::Reply::decode(reply).map_err(|_| CallError::Lost),
            Some(OutcomeResult::Failure(failure)) => Err(CallError::Failed(failure)),
            None => Err(CallError::Lost),
        }
    }

    /// A header with a minute's deadline, epoch 1 and this inbox as callback URL.
    pub fn header(&self, task_id: &str) -> Header {
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        Header {
            task_id: task_id.to_owned(),
            callback_url: self.url(),
            deadline_ms: now_ms() + patience,
            epoch: 1,
            ..Header::default()
        }
    }

    /// Waits until `count` outcomes of a task came and returns all of them; `None` when they do not.
    pub async fn wait_outcomes(&self, task_id: &str, count: usize) -> Option<Vec<Outcome>> {
        self.when(|heard| {
            let of_task: Vec<_> = heard.outcomes.iter().filter(|o| o.task_id == task_id).cloned().collect();
            (of_task.len() >= count).then_some(of_task)
        })
        .await
    }

    /// Waits for a progress message; `None` when none comes that is wanted.
    pub async fn wait_progress(&self, wanted: impl Fn(&Progress) -> bool) -> Option<Progress> {
        self.when(|heard| heard.progress.iter().find(|p| wanted(p)).cloned()).await
    }

    /// Waits for a report; `None` when none comes that is wanted.
    pub async fn wait_report(&self, wanted: impl Fn(&Report) -> bool) -> Option<Report> {
        self.when(|heard| heard.reports.iter().find(|r| wanted(r)).cloned()).await
    }

    /// Waits for samples; `None` when none come that are wanted.
    pub async fn wait_samples(&self, wanted: impl Fn(&Samples) -> bool) -> Option<Samples> {
        self.when(|heard| heard.samples.iter().find(|s| wanted(s)).cloned()).await
    }

    /// Takes no outcomes from now on, or takes them again.
    pub fn set_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::Relaxed);
    }

    /// Where it is served, once it is.
    pub fn url(&self) -> String {
        let url = self.url.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if url.is_empty() { "https://inbox.invalid/agent/v1".to_owned() } else { url }
    }

    /// Serves it over TLS at `address`, until the guard is dropped.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn serve(self: &Arc<Self>, address: SocketAddr, tls: Arc<ServerConfig>) -> io::Result<DropGuard> {
        let listener = TcpListener::bind(address).await?;
        let url = format!("https://{}/agent/v1", listener.local_addr()?);
        *self.url.lock().unwrap_or_else(PoisonError::into_inner) = url;
        let router = Router::new().route("/agent/v1/{kind}", post(receive)).with_state(Arc::clone(self));
        let stop = CancellationToken::new();
        let (_, tls) = watch::channel(tls);
        tokio::spawn(serve(listener, tls, router, stop.clone()));
        Ok(stop.drop_guard())
    }

    async fn when<T>(&self, look: impl Fn(&Heard) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // From here on no arrival is missed.
            arrived.as_mut().enable();
            if let Some(found) = look(&self.heard()) {
                return Some(found);
            }
            timeout_at(deadline, arrived).await.ok()?;
        }
    }

    fn hear(&self, add: impl FnOnce(&mut Heard)) {
        add(&mut self.heard());
        self.arrived.notify_waiters();
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Callbacks for Inbox {
    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        if self.deaf.load(Ordering::Relaxed) {
            return Err(PostError::Refused { url: base.to_owned(), status: 503 });
        }
        self.hear(|heard| heard.outcomes.push(outcome.clone()));
        Ok(())
    }

    async fn progress(&self, _: &str, progress: &Progress) -> Result<(), PostError> {
        self.hear(|heard| heard.progress.push(progress.clone()));
        Ok(())
    }

    async fn report(&self, _: &str, report: &Report) -> Result<(), PostError> {
        self.hear(|heard| heard.reports.push(report.clone()));
        Ok(())
    }

    async fn samples(&self, _: &str, samples: &Samples) -> Result<(), PostError> {
        self.hear(|heard| heard.samples.push(samples.clone()));
        Ok(())
    }
}

/// The HTTP side: the agent that says something must be the one whose certificate it shows.
async fn receive(
    State(inbox): State<Arc<Inbox>>,
    Path(kind): Path<String>,
    Extension(certificate): Extension<CertificateDer<'static>>,
    body: Bytes,
) -> StatusCode {
    let Some(agent) = tls::agent_of(&certificate) else { return StatusCode::FORBIDDEN };
    let told = match kind.as_str() {
        "outcomes" => match Outcome::decode(body) {
            Ok(outcome) if outcome.agent == agent => inbox.outcome("", &outcome).await,
            _ => return StatusCode::BAD_REQUEST,
        },
        "progress" => match Progress::decode(body) {
            Ok(progress) if progress.agent == agent => inbox.progress("", &progress).await,
            _ => return StatusCode::BAD_REQUEST,
        },
        "reports" => match Report::decode(body) {
            Ok(report) if report.agent == agent => inbox.report("", &report).await,
            _ => return StatusCode::BAD_REQUEST,
        },
        "samples" => match Samples::decode(body) {
            Ok(samples) if samples.agent == agent => inbox.samples("", &samples).await,
            _ => return StatusCode::BAD_REQUEST,
        },
        _ => return StatusCode::NOT_FOUND,
    };
    if told.is_ok() { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}
