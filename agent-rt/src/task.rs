//! What a running command knows about the task it runs for.

use std::{future::Future, time::Instant};

use cumulo_proto::{Header, Progress};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::AgentError;

/// The context of one task: its deadline, its cancellation, a way to say how far it is.
pub struct TaskCx {
    header: Header,
    deadline: Instant,
    cancelled: CancellationToken,
    progress: watch::Sender<Progress>,
    manager: watch::Sender<Option<String>>,
}

impl TaskCx {
    pub(crate) fn new(
        header: Header,
        deadline: Instant,
        cancelled: CancellationToken,
        progress: watch::Sender<Progress>,
        manager: watch::Sender<Option<String>>,
    ) -> Self {
        Self { header, deadline, cancelled, progress, manager }
    }

    /// A context without a task, for calling what wants one.
    #[cfg(feature = "sim")]
    pub fn detached() -> Self {
        let deadline = Instant::now() + std::time::Duration::from_secs(60);
        let (progress, manager) = (watch::Sender::default(), watch::Sender::default());
        Self::new(Header::default(), deadline, CancellationToken::new(), progress, manager)
    }

    /// The task's id.
    pub fn task_id(&self) -> &str {
        &self.header.task_id
    }

    /// When the manager stops waiting.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Fires at the deadline, and when the manager wants the task stopped. A command that can stop in the middle should;
    /// one that cannot finishes what it does.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// Awaits `work`, but not beyond the deadline or a cancellation, at which `work` is dropped.
    ///
    /// # Errors
    /// [`AgentError::DEADLINE`], saying that `what` took too long, or [`AgentError::CANCELLED`].
    pub async fn until_deadline<T>(&self, what: &str, work: impl Future<Output = T>) -> Result<T, AgentError> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.cancelled.cancelled() => Err(self.stopped(what)),
        }
    }

    /// Why `what` does not go on, once [`TaskCx::cancelled`] has fired.
    pub(crate) fn stopped(&self, what: &str) -> AgentError {
        if Instant::now() < self.deadline {
            return AgentError::new(AgentError::CANCELLED, format!("{what} was stopped because it was cancelled"));
        }
        let text =
            format!("{what} was stopped because its deadline passed; give it more time or find out what is slow");
        AgentError::new(AgentError::DEADLINE, text)
    }

    /// Tells the manager how far the task is. Cheap: what comes too fast is dropped, except the newest.
    pub fn progress(&self, percent: u32, text: impl Into<String>) {
        let text = text.into();
        self.progress.send_if_modified(|p| {
            let changed = p.percent != percent.min(100) || p.text != text;
            p.percent = percent.min(100);
            p.text = text;
            changed
        });
    }

    /// From now on the agent reports to the manager that sent this task.
    pub fn report_to_sender(&self) {
        self.manager.send_replace(Some(self.header.callback_url.clone()));
    }
}
