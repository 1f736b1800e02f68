//! Following a job from its 202 to its end.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{CallError, Client, Progress, client::authorized};
use crate::command::Request;

/// What every `location` contains; what follows is the job's id (wire.md §5).
const JOBS: &str = "/api-jobs/";
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// A node that can holds a poll until the job ends; this long, so that progress is shown meanwhile.
const HOLD: (&str, &str) = ("prefer", "wait=1");
/// One poll answers after that or not at all.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a node may be away, as in a restart, before a running job is given up on. Jobs survive restarts.
const AWAY: Duration = Duration::from_secs(60);
/// Beyond the time the server says the call may take.
const GRACE: Duration = Duration::from_secs(30);
/// Where the server names no time: the longest a result is kept.
const LONGEST_JOB: Duration = Duration::from_secs(3 * 3600);
/// How far a job is, is asked at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

impl Client {
    /// Waits for the job that `accepted`, the body of a 202, tells of.
    pub(super) async fn follow(
        &self,
        request: &Request,
        session: Option<&str>,
        accepted: &Value,
        progress: &dyn Progress,
    ) -> Result<Value, CallError> {
        // Only the id is taken from the location: the host in it is the node's idea of its own address.
        let location = accepted.get("location").and_then(Value::as_str).unwrap_or_default();
        let job = location.split_once(JOBS).map(|(_, id)| id).filter(|id| is_job_id(id));
        let Some(job) = job else { return Err(self.foreign(StatusCode::ACCEPTED, "no location of a job")) };
        let allowed = accepted.get("apiTimeout").and_then(Value::as_u64).map(Duration::from_millis);
        let limit = allowed.map_or(LONGEST_JOB, |allowed| allowed + GRACE);
        progress.started(request.api.name, job);
        let outcome = self.poll(job, session, limit, progress).await;
        progress.ended();
        outcome
    }

    /// Asks for a job whose acceptance was not heard.
    pub(super) async fn find_out(
        &self,
        request: &Request,
        session: Option<&str>,
        job: &str,
        lost: reqwest::Error,
        progress: &dyn Progress,
    ) -> Result<Value, CallError> {
        progress.started(request.api.name, job);
        let outcome = self.poll(job, session, LONGEST_JOB, progress).await;
        progress.ended();
        match outcome {
            Err(CallError::JobForgotten { .. } | CallError::Unreachable { .. }) => Err(self.unreachable(lost)),
            known => known,
        }
    }

    async fn poll(
        &self,
        job: &str,
        session: Option<&str>,
        limit: Duration,
        progress: &dyn Progress,
    ) -> Result<Value, CallError> {
        let began = Instant::now();
        let (mut heard, mut asked) = (began, began);
        let mut delay = FIRST_DELAY;
        loop {
            let mut held = false;
            match self.get(&format!("{JOBS}{job}"), POLL_TIMEOUT).header(HOLD.0, HOLD.1).send().await {
                Err(cause) if heard.elapsed() > AWAY => return Err(self.unreachable(cause)),
                Err(_) => progress.waiting(),
                Ok(response) => match response.status() {
                    StatusCode::ACCEPTED => {
                        heard = Instant::now();
                        held = response.headers().contains_key("preference-applied");
                    }
                    StatusCode::NOT_FOUND => return Err(CallError::JobForgotten { job: job.to_owned() }),
                    _ => return self.answer(response).await,
                },
            }
            if began.elapsed() > limit {
                return Err(CallError::JobTimeout { job: job.to_owned(), seconds: limit.as_secs() });
            }
            if progress.is_shown() && asked.elapsed() >= PROGRESS_EVERY {
                asked = Instant::now();
                self.tell_progress(job, session, progress).await;
            }
            if held {
                continue;
            }
            sleep(delay).await;
            delay = (delay * 3 / 2).min(LONGEST_DELAY);
        }
    }

    /// Shows how far the job is, where the server says so; not saying is no problem of the job's.
    async fn tell_progress(&self, job: &str, session: Option<&str>, progress: &dyn Progress) {
        let request = authorized(self.get(&format!("/task-progresses/{job}"), PROGRESS_EVERY), session);
        let Ok(response) = request.send().await else { return };
        let Ok(body) = self.answer(response).await else { return };
        let last = body.get("inventories").and_then(Value::as_array).and_then(|steps| steps.last());
        if let Some(text) = last.and_then(progress_text) {
            progress.at(&text);
        }
    }
}

/// A progress entry for people: a step by its name, what an agent does by how much of it is done.
fn progress_text(entry: &Value) -> Option<String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let content = text("content")?;
    match (text("type"), text("taskName")) {
        (Some("Progress"), Some(task)) => Some(format!("{task} {content}%")),
        _ => Some(content.to_owned()),
    }
}

/// Whether `id` can be put into a path as it is.
fn is_job_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric())
}
