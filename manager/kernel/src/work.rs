//! What is under way on this node on behalf of jobs: how far each is, and which are to stop.
//!
//! Kept in memory. Steps and agents tell how far they are many times a job, and a write for each would cost more than the
//! step it tells of; the last state goes into the job's row together with its outcome, which is written anyway. A job is
//! found by the trace that travels with every call, so that neither a step nor an agent's task needs to know whether a job
//! is behind it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cumulo_schema::{ErrorCode, Timestamp, Uuid, codes};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::bus::CallContext;

/// Steps remembered of a job; of a longer one the first are forgotten.
const STEPS: usize = 64;
/// Agent tasks remembered of a step.
const TASKS: usize = 32;
/// Characters kept of what an agent says.
const TEXT: usize = 255;
/// An agent's deadline is the call's, less the way to it and back.
const NEARLY: Duration = Duration::from_millis(50);

/// The jobs under way; clones share them.
#[derive(Clone, Default)]
pub struct Work(Arc<Mutex<HashMap<Uuid, Job>>>);

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("jobs", &self.lock().len()).finish()
    }
}

/// How far a job is, in the wire's form.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The account that called.
    pub account: Uuid,
    /// `TaskProgressInventory`s.
    pub entries: Vec<Value>,
}

struct Job {
    account: Uuid,
    /// How many pieces of it are done here for another node.
    visits: usize,
    /// Whether this node has the job.
    is_here: bool,
    stop: CancellationToken,
    end: watch::Sender<()>,
    percent: u8,
    steps: VecDeque<StepProgress>,
}

struct StepProgress {
    name: &'static str,
    percent: u8,
    undone: bool,
    at: Timestamp,
    tasks: Vec<TaskProgress>,
}

struct TaskProgress {
    task: Uuid,
    command: &'static str,
    percent: u8,
    text: String,
    at: Timestamp,
}

/// What an agent says of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskNews<'n> {
    /// The task.
    pub task: Uuid,
    /// The command it runs.
    pub command: &'static str,
    /// How much of it is done.
    pub percent: u8,
    /// In words.
    pub text: &'n str,
}

impl Work {
    /// Notes that `job`, of `account`, is under way. One that is already stays as it is.
    pub(crate) fn begin(&self, job: Uuid, account: Uuid) {
        self.lock().entry(job).or_insert_with(|| Job::new(account)).is_here = true;
    }

    /// Forgets `job`.
    pub(crate) fn end(&self, job: Uuid) {
        self.leave(job, |found| found.is_here = false);
    }

    /// Notes that a piece of what began elsewhere in `context` is done here, until the visit is dropped.
    pub(crate) fn visit(&self, context: &CallContext) -> Visit {
        self.lock().entry(context.trace).or_insert_with(|| Job::new(context.caller.account)).visits += 1;
        Visit { work: self.clone(), job: context.trace }
    }

    /// Forgets `job` when nobody is at it any more after `change`.
    fn leave(&self, job: Uuid, change: impl FnOnce(&mut Job)) {
        let mut jobs = self.lock();
        let Some(found) = jobs.get_mut(&job) else { return };
        change(found);
        // Whoever waits for its end waits for this node's part to be over.
        if !found.is_here {
            found.end = watch::Sender::default();
            if found.visits == 0 {
                jobs.remove(&job);
            }
        }
    }

    /// The last entry of `job`, if it has any.
    pub(crate) fn last(&self, job: Uuid) -> Option<Value> {
        self.lock().get(&job).and_then(|found| found.latest(job))
    }

    /// Tells of the end of `job`, by the end of its channel; `None` when it is not under way here.
    pub(crate) fn end_of(&self, job: Uuid) -> Option<watch::Receiver<()>> {
        self.lock().get(&job).filter(|job| job.is_here).map(|job| job.end.subscribe())
    }

    /// Notes that a step of what belongs to `trace` starts, or its undo. `percent` is how much of the job is done by then,
    /// where that is known.
    pub(crate) fn step(&self, trace: Uuid, name: &'static str, undone: bool, percent: Option<u8>) {
        let mut jobs = self.lock();
        let Some(job) = jobs.get_mut(&trace) else { return };
        job.percent = percent.unwrap_or(job.percent);
        if job.steps.len() == STEPS {
            job.steps.pop_front();
        }
        let step = StepProgress { name, percent: job.percent, undone, at: Timestamp::now(), tasks: Vec::new() };
        job.steps.push_back(step);
    }

    /// Notes how far an agent's task is that belongs to `trace`.
    pub fn task(&self, trace: Uuid, news: TaskNews<'_>) {
        let mut jobs = self.lock();
        let Some(step) = jobs.get_mut(&trace).and_then(|job| job.steps.back_mut()) else { return };
        let TaskNews { task, command, percent, text } = news;
        let text: String = text.chars().take(TEXT).collect();
        let (percent, at) = (percent.min(100), Timestamp::now());
        match step.tasks.iter().position(|known| known.task == task) {
            Some(known) => step.tasks[known] = TaskProgress { task, command, percent, text, at },
            None if step.tasks.len() < TASKS => step.tasks.push(TaskProgress { task, command, percent, text, at }),
            None => {}
        }
    }

    /// How far `job` is, if it is under way here: all its steps, each with its tasks, or the latest entry only.
    pub(crate) fn progress(&self, job: Uuid, all: bool) -> Option<Progress> {
        let jobs = self.lock();
        let found = jobs.get(&job)?;
        let entries = match all {
            true => found.steps.iter().map(|step| step.with_tasks(job)).collect(),
            false => found.latest(job).into_iter().collect(),
        };
        Some(Progress { account: found.account, entries })
    }

    /// Wants what belongs to `job` to stop: flows before their next step, agents where their command lets them. Whether it
    /// is under way here.
    #[must_use]
    pub fn cancel(&self, job: Uuid) -> bool {
        let stop = self.lock().get(&job).map(|job| job.stop.clone());
        stop.inspect(CancellationToken::cancel).is_some()
    }

    /// Whether something is done here for `job`.
    pub(crate) fn is_under_way(&self, job: Uuid) -> bool {
        self.lock().contains_key(&job)
    }

    /// Whether this node sees to it that `job` is answered.
    pub(crate) fn is_here(&self, job: Uuid) -> bool {
        self.lock().get(&job).is_some_and(|job| job.is_here)
    }

    pub(crate) fn is_cancelled(&self, job: Uuid) -> bool {
        self.lock().get(&job).is_some_and(|job| job.stop.is_cancelled())
    }

    /// Fires when what goes on in `context` is to stop; never for what must not, as an undo.
    #[must_use]
    pub fn stop_of(&self, context: &CallContext) -> CancellationToken {
        let jobs = self.lock();
        let job = jobs.get(&context.trace).filter(|_| context.stoppable);
        job.map_or_else(CancellationToken::new, |job| job.stop.clone())
    }

    /// Why nothing more is to be started in `context`, if so.
    pub(crate) fn refusal(&self, context: &CallContext) -> Option<ErrorCode> {
        if !context.stoppable {
            return None;
        }
        if self.is_cancelled(context.trace) {
            return Some(cancelled());
        }
        (context.remaining() == Duration::ZERO).then(late)
    }

    /// `error` as what became of a step in `context`: that it was cancelled or late, where it was, and not what it happened
    /// to stumble over then.
    pub(crate) fn explain(&self, context: &CallContext, error: ErrorCode) -> ErrorCode {
        if !context.stoppable {
            return error;
        }
        if self.is_cancelled(context.trace) {
            return if error.is(codes::CANCEL) { error } else { cancelled().because(error) };
        }
        if context.remaining() < NEARLY && !error.is(codes::TIMEOUT) { late().because(error) } else { error }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody gets to hear who waits for what was cancelled.
pub(crate) fn cancelled() -> ErrorCode {
    ErrorCode::new(codes::CANCEL, "the call was cancelled; what it had done is undone")
}

pub(crate) fn late() -> ErrorCode {
    ErrorCode::new(codes::TIMEOUT, "the call did not end in time; what it had done is undone")
}

/// A piece of a job that is another node's.
#[derive(Debug)]
pub(crate) struct Visit {
    work: Work,
    job: Uuid,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.work.leave(self.job, |found| found.visits -= 1);
    }
}

impl Job {
    fn new(account: Uuid) -> Self {
        Self {
            account,
            visits: 0,
            is_here: false,
            stop: CancellationToken::new(),
            end: watch::Sender::default(),
            percent: 0,
            steps: VecDeque::new(),
        }
    }

    fn latest(&self, job: Uuid) -> Option<Value> {
        let step = self.steps.back()?;
        let task = step.tasks.iter().max_by_key(|task| task.at);
        Some(task.map_or_else(|| Value::Object(step.entry(job)), |task| task.entry(job)))
    }
}

impl StepProgress {
    fn entry(&self, job: Uuid) -> Map<String, Value> {
        let content = if self.undone { format!("undoing {}", self.name) } else { self.name.to_owned() };
        let entry = json!({
            "taskUuid": job, "taskName": self.name, "type": "Task", "content": content, "time": self.at.0,
            "opaque": { "percent": self.percent },
        });
        match entry {
            Value::Object(entry) => entry,
            _ => Map::new(),
        }
    }

    fn with_tasks(&self, job: Uuid) -> Value {
        let mut entry = self.entry(job);
        let tasks: Vec<Value> = self.tasks.iter().map(|task| task.entry(job)).collect();
        entry.insert("subTasks".to_owned(), tasks.into());
        Value::Object(entry)
    }
}

impl TaskProgress {
    fn entry(&self, job: Uuid) -> Value {
        json!({
            "taskUuid": self.task, "parentUuid": job, "taskName": self.command, "type": "Progress",
            "content": self.percent.to_string(), "time": self.at.0, "opaque": { "text": self.text },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Caller;

    fn news(task: Uuid, percent: u8) -> TaskNews<'static> {
        TaskNews { task, command: "DownloadImage", percent, text: "downloading" }
    }

    #[test]
    fn the_latest_entry_is_of_the_step_or_of_its_newest_task() {
        let (work, job, task) = (Work::default(), Uuid::random(), Uuid::random());
        work.step(job, "unheard", false, None);
        assert!(work.progress(job, true).is_none(), "nobody began that job");
        work.begin(job, Uuid::ADMIN);
        work.task(job, news(task, 1));
        assert!(work.progress(job, false).expect("under way").entries.is_empty(), "no step began");
        work.step(job, "record", false, Some(0));
        work.step(job, "download", false, Some(50));
        let latest = || work.progress(job, false).expect("under way").entries;
        assert_eq!(latest()[0]["content"], "download");
        assert_eq!(latest()[0]["opaque"]["percent"], 50);
        work.task(job, news(task, 7));
        work.task(job, news(task, 142));
        assert_eq!((&latest()[0]["type"], &latest()[0]["content"]), (&json!("Progress"), &json!("100")));
        let all = work.progress(job, true).expect("under way").entries;
        assert_eq!(all.len(), 2);
        assert_eq!(all[1]["subTasks"].as_array().map(Vec::len), Some(1), "one entry a task");
        work.step(job, "record", true, None);
        assert_eq!(work.last(job).expect("had steps")["content"], "undoing record");
        work.end(job);
        assert!(work.end_of(job).is_none());
    }

    #[test]
    fn a_record_is_bounded() {
        let (work, job) = (Work::default(), Uuid::random());
        work.begin(job, Uuid::ADMIN);
        for _ in 0..1000 {
            work.step(job, "again", false, None);
            for _ in 0..100 {
                let text = "x".repeat(10_000);
                work.task(job, TaskNews { task: Uuid::random(), command: "C", percent: 1, text: &text });
            }
        }
        let entries = work.progress(job, true).expect("under way").entries;
        assert_eq!(entries.len(), STEPS);
        let tasks = entries[0]["subTasks"].as_array().expect("tasks");
        assert_eq!(tasks.len(), TASKS);
        assert_eq!(tasks[0]["opaque"]["text"].as_str().map(str::len), Some(TEXT));
    }

    #[test]
    fn what_is_cancelled_stops_but_its_undo_does_not() {
        let (work, job) = (Work::default(), Uuid::random());
        let context = CallContext::starting(job, Caller::SYSTEM, Duration::from_secs(60));
        assert!(!work.cancel(job), "it is not under way");
        work.begin(job, Uuid::ADMIN);
        let stop = work.stop_of(&context);
        assert!(work.refusal(&context).is_none());
        assert!(work.cancel(job) && stop.is_cancelled());
        assert!(work.refusal(&context).is_some_and(|error| error.is(codes::CANCEL)));
        let undo = context.for_undo(Duration::from_secs(60));
        assert!(work.refusal(&undo).is_none() && !work.stop_of(&undo).is_cancelled());
    }

    #[test]
    fn what_is_late_starts_nothing_more() {
        let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, Duration::ZERO);
        assert!(Work::default().refusal(&context).is_some_and(|error| error.is(codes::TIMEOUT)));
        let undo = context.for_undo(Duration::from_secs(60));
        assert!(undo.remaining() > Duration::from_secs(50));
        assert!(Work::default().refusal(&undo).is_none());
    }
}
