//! Running one task.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cumulo_proto::{Failure, Header, Outcome, Progress, outcome::Result as OutcomeResult};
use futures::FutureExt as _;
use tokio::{pin, select, sync::watch, time::sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Runtime, answer::Answer};
use crate::{AgentError, TaskCx, callback::post_progress, journal::now_ms};

/// An accepted task.
pub(super) struct Job {
    pub(super) header: Header,
    pub(super) key: String,
    pub(super) request: Bytes,
    pub(super) command: String,
    /// Fires when the task is to stop.
    pub(super) cancel: CancellationToken,
    /// Where its outcome is waited for.
    pub(super) answer: Option<Answer>,
}

impl<H: Send + Sync + 'static> Runtime<H> {
    /// Runs a task and delivers its outcome.
    pub(super) async fn run(&self, job: Job) {
        let started = Instant::now();
        let result = self.result(&job).await;
        let took = started.elapsed();
        let Job { header, command, key, .. } = &job;
        self.inner.posting.metrics.ran(command, result.is_ok(), took);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let result = match result {
            Ok(reply) => {
                info!(task = header.task_id, command, key, ms, "done");
                Ok(reply)
            }
            Err(failed) => {
                warn!(task = header.task_id, command, key, ms, code = failed.code(), error = %crate::Chain(&failed), "failed");
                Err(failed.to_failure())
            }
        };
        let outcome = self.outcome(&job, result, took);
        self.inner.under_way.ended(&job.header.task_id);
        self.finish(&job.header.callback_url, outcome, job.answer).await;
    }

    pub(super) fn outcome(&self, job: &Job, result: Result<Vec<u8>, Failure>, ran: Duration) -> Outcome {
        Outcome {
            task_id: job.header.task_id.clone(),
            agent: self.inner.agent_id.clone(),
            command: job.command.clone(),
            ran_ms: u64::try_from(ran.as_millis()).unwrap_or(u64::MAX),
            result: Some(match result {
                Ok(reply) => OutcomeResult::Reply(reply.into()),
                Err(failure) => OutcomeResult::Failure(failure),
            }),
        }
    }

    async fn result(&self, job: &Job) -> Result<Vec<u8>, AgentError> {
        let command = self.inner.commands.by_name(&job.command).ok_or_else(|| {
            AgentError::new(AgentError::INTERNAL, format!("the agent lost its command {}", job.command))
        })?;
        let left = Duration::from_millis(job.header.deadline_ms.saturating_sub(now_ms()));
        if left.is_zero() {
            return Err(AgentError::new(
                AgentError::DEADLINE,
                format!("{} was not started, since its deadline passed while it waited", job.command),
            ));
        }
        let deadline = Instant::now() + left;
        let cancel = job.cancel.clone();
        let progress = self.progress(&job.header);
        let cx = TaskCx::new(job.header.clone(), deadline, cancel.clone(), progress, self.inner.manager.clone());
        if cancel.is_cancelled() {
            return Err(cx.stopped(&job.command));
        }
        let run = command.run(self.inner.host.clone(), job.request.clone(), &cx);
        // A command that cannot stop is waited for: the next one of its key must not overlap it.
        let run = AssertUnwindSafe(run).catch_unwind();
        pin!(run);
        let done = select! {
            done = &mut run => done,
            () = sleep_until(deadline.into()) => {
                cancel.cancel();
                run.await
            }
        };
        done.unwrap_or_else(|_| {
            error!(task = job.header.task_id, command = job.command, "panicked");
            Err(AgentError::new(
                AgentError::INTERNAL,
                format!("the agent failed inside {}; its log says where", job.command),
            ))
        })
    }

    fn progress(&self, header: &Header) -> watch::Sender<Progress> {
        let (progress, newest) = watch::channel(Progress {
            task_id: header.task_id.clone(),
            agent: self.inner.agent_id.clone(),
            ..Progress::default()
        });
        self.inner.posts.spawn(post_progress(self.inner.posting.clone(), header.callback_url.clone(), newest));
        progress
    }
}
