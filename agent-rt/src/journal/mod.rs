//! The journal of tasks: what was accepted, how it ended, whether the manager knows.
//!
//! State lives in a [`Table`] in memory; every change is also appended to a file and synced before anybody is told
//! about it (several changes share one sync). An append-only file rather than an embedded database: the state is small
//! and read only at start, a record is a few hundred bytes, and simulated agents use the same table without a file.
//! Outcomes are forgotten after a day, which is longer than any deadline of the manager; the file is rewritten when
//! most of it is about forgotten things.

mod file;
mod record;
mod table;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cumulo_proto::Outcome;
use prost::Message;

use file::{File, Synced};
use record::{Acknowledged, Entry, Epoch, Finished};
pub(crate) use table::Begun;
use table::Table;

pub(crate) use record::Accepted;

/// How long an outcome is kept. Longer than the manager's longest deadline.
const KEEP_OUTCOMES: Duration = Duration::from_hours(24);
/// How long the newest epoch of an object is kept after its last use. Longer than a fenced manager could stay unnoticed.
const KEEP_EPOCHS: Duration = Duration::from_hours(24 * 30);
/// Files below this size are never rewritten, in bytes.
const COMPACT_FROM: u64 = 4 << 20;

/// The journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// At start.
    #[error("could not open the task journal {path}")]
    Open {
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file is something else, or from a newer agent.
    #[error("{path} is not a task journal this agent can read; move it away to start with an empty one")]
    Foreign {
        /// The file.
        path: String,
    },
    /// Later; a full disk most of the time.
    #[error("could not write the task journal")]
    Write(#[source] std::io::Error),
    /// The writing thread is gone.
    #[error("the task journal is closed")]
    Closed,
}

/// The journal of one agent.
pub struct Journal {
    state: Mutex<State>,
}

struct State {
    table: Table,
    file: Option<File>,
}

/// A task to go on with after a restart.
pub(crate) enum Left {
    /// Accepted and not finished: to be run (again).
    Unfinished(Accepted),
    /// Finished and not acknowledged: to be posted.
    Unacknowledged(Outcome),
}

impl Journal {
    /// A journal that lives in memory only, for simulated agents.
    pub fn in_memory() -> Self {
        Self { state: Mutex::new(State { table: Table::default(), file: None }) }
    }

    /// Opens, or starts, the journal in `dir`, which must exist. Only the owner can read the file: requests can hold
    /// credentials.
    ///
    /// # Errors
    /// When the file cannot be read or is none of ours. A torn record at the end, as a power failure leaves it, is cut
    /// off and no error: nobody was told about it yet.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let (file, entries) = File::open(&dir.join("tasks.journal"))?;
        let mut table = Table::default();
        for entry in entries {
            table.apply(entry);
        }
        Ok(Self { state: Mutex::new(State { table, file: Some(file) }) })
    }

    /// Enters a task, or says what is known about it. Returns when that is on disk.
    pub(crate) async fn begin(&self, task: Accepted) -> Result<Begun, JournalError> {
        let task_id = task.task_id.clone();
        let (begun, synced) = {
            let mut state = self.state();
            let newest = state.table.newest(&task.key);
            let begun = state.table.begin(task.clone());
            let synced = match begun {
                Begun::New => state.append(&Entry::Accepted(task)),
                Begun::Stale { .. } => Synced::already(),
                _ if newest == Some(task.epoch) => Synced::already(),
                _ => state.append(&Entry::Epoch(Epoch { key: task.key, epoch: task.epoch, used_ms: task.at_ms })),
            };
            (begun, synced)
        };
        if let Err(error) = synced.await {
            if begun == Begun::New {
                self.state().table.withdraw(&task_id);
            }
            return Err(error);
        }
        Ok(begun)
    }

    /// Records how a task ended. Returns when that is on disk; in memory it is recorded in any case.
    pub(crate) async fn finish(&self, outcome: &Outcome) -> Result<(), JournalError> {
        let entry = Entry::Finished(Finished {
            task_id: outcome.task_id.clone(),
            outcome: Bytes::from(outcome.encode_to_vec()),
            at_ms: now_ms(),
        });
        let synced = {
            let mut state = self.state();
            state.table.apply(entry.clone());
            state.append(&entry)
        };
        synced.await
    }

    /// The URL of the manager that the outcome of a task is to be told, as long as it is: another one than the first, where
    /// another one asked for the task since.
    pub(crate) fn owed_to(&self, task_id: &str) -> Option<String> {
        self.state().table.owed_to(task_id).map(str::to_owned)
    }

    /// Whether the outcome of a task is to be told to the manager at `url`.
    pub(crate) fn is_owed_to(&self, task_id: &str, url: &str) -> bool {
        self.state().table.owed_to(task_id) == Some(url)
    }

    /// Records that the manager at `url` knows the outcome, unless that is owed to another one by now. Not synced: at worst it
    /// is told again.
    pub(crate) fn acknowledge(&self, task_id: &str, url: &str) {
        let entry = Entry::Acknowledged(Acknowledged { task_id: task_id.to_owned() });
        let mut state = self.state();
        if state.table.owed_to(task_id) != Some(url) {
            return;
        }
        state.table.apply(entry.clone());
        if let Some(file) = &state.file {
            file.append_unsynced(&entry);
        }
    }

    /// What the last run of the agent left to do, in the order in which it was accepted.
    pub(crate) fn left(&self) -> Vec<Left> {
        self.state().table.left()
    }

    /// Forgets old outcomes and epochs; rewrites the file where that makes it much smaller.
    pub(crate) async fn maintain(&self) -> Result<(), JournalError> {
        let synced = {
            let mut state = self.state();
            let now = now_ms();
            state.table.forget(before(now, KEEP_OUTCOMES), before(now, KEEP_EPOCHS));
            state.compact(COMPACT_FROM)
        };
        synced.await
    }

    /// Tasks accepted and not finished.
    pub(crate) fn running(&self) -> usize {
        self.state().table.running()
    }

    /// Outcomes the manager does not know.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.state().table.unacknowledged()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The order of appends is the order of changes to the table, since both happen under one lock.
    fn append(&self, entry: &Entry) -> Synced {
        self.file.as_ref().map_or_else(Synced::already, |file| file.append(entry))
    }

    /// Rewrites a file longer than `from` bytes where that halves it at least.
    fn compact(&self, from: u64) -> Synced {
        let Some(file) = self.file.as_ref().filter(|file| file.len() > from) else { return Synced::already() };
        let entries = self.table.entries();
        let size: u64 = entries.iter().map(file::encoded_len).sum();
        if size < file.len() / 2 { file.rewrite(&entries) } else { Synced::already() }
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn before(now: u64, age: Duration) -> u64 {
    now.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
