//! The state behind the journal: pure, in memory, rebuilt from the file's entries.

use std::collections::HashMap;

use bytes::Bytes;
use cumulo_proto::Outcome;
use prost::Message;

use super::{
    Left,
    record::{Accepted, Acknowledged, Entry, Epoch, Finished},
};

/// What the journal says to a task that wants to begin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Begun {
    /// Not seen before; it is entered now.
    New,
    /// Accepted before and not finished.
    Running,
    /// Finished before: its outcome, and where to post it now.
    Finished(Outcome),
    /// Its epoch is older than `newest`, which was seen for the same key.
    Stale { newest: u64 },
}

#[derive(Default)]
pub(crate) struct Table {
    tasks: HashMap<String, Task>,
    epochs: HashMap<String, Seen>,
    next: u64,
}

struct Task {
    /// Place in the order of acceptance.
    order: u64,
    accepted: Accepted,
    ended: Option<Ended>,
}

struct Ended {
    outcome: Bytes,
    at_ms: u64,
    acknowledged: bool,
}

#[derive(Clone, Copy)]
struct Seen {
    epoch: u64,
    used_ms: u64,
}

impl Table {
    pub(crate) fn begin(&mut self, task: Accepted) -> Begun {
        if let Some(seen) = self.epochs.get(&task.key)
            && seen.epoch > task.epoch
        {
            return Begun::Stale { newest: seen.epoch };
        }
        // Also of a task that is known: who asks for its outcome works on the object from now on.
        self.see(task.key.clone(), task.epoch, task.at_ms);
        if let Some(known) = self.tasks.get_mut(&task.task_id) {
            // The asker may be another management node than the first one.
            known.accepted.callback_url = task.callback_url;
            let Some(ended) = &mut known.ended else { return Begun::Running };
            ended.acknowledged = false;
            return Outcome::decode(ended.outcome.clone()).map_or(Begun::Running, Begun::Finished);
        }
        self.apply(Entry::Accepted(task));
        Begun::New
    }

    /// The newest epoch seen for `key`.
    pub(crate) fn newest(&self, key: &str) -> Option<u64> {
        self.epochs.get(key).map(|seen| seen.epoch)
    }

    /// Takes back a task that could not be written down. Its epoch stays: it was seen.
    pub(crate) fn withdraw(&mut self, task_id: &str) {
        self.tasks.remove(task_id);
    }

    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Accepted(accepted) => {
                self.see(accepted.key.clone(), accepted.epoch, accepted.at_ms);
                let order = self.next;
                self.next += 1;
                self.tasks.insert(accepted.task_id.clone(), Task { order, accepted, ended: None });
            }
            Entry::Finished(Finished { task_id, outcome, at_ms }) => {
                if let Some(task) = self.tasks.get_mut(&task_id) {
                    task.accepted.request = Bytes::new();
                    task.ended = Some(Ended { outcome, at_ms, acknowledged: false });
                }
            }
            Entry::Acknowledged(Acknowledged { task_id }) => {
                if let Some(ended) = self.tasks.get_mut(&task_id).and_then(|t| t.ended.as_mut()) {
                    ended.acknowledged = true;
                }
            }
            Entry::Epoch(Epoch { key, epoch, used_ms }) => self.see(key, epoch, used_ms),
        }
    }

    fn see(&mut self, key: String, epoch: u64, used_ms: u64) {
        let seen = self.epochs.entry(key).or_insert(Seen { epoch, used_ms });
        seen.epoch = seen.epoch.max(epoch);
        seen.used_ms = seen.used_ms.max(used_ms);
    }

    pub(crate) fn left(&self) -> Vec<Left> {
        self.in_order()
            .into_iter()
            .filter_map(|task| match &task.ended {
                None => Some(Left::Unfinished(task.accepted.clone())),
                Some(ended) if ended.acknowledged => None,
                Some(ended) => {
                    let outcome = Outcome::decode(ended.outcome.clone()).ok()?;
                    Some(Left::Unacknowledged(outcome))
                }
            })
            .collect()
    }

    /// Where the outcome of a task is to be told, as long as it is: to who asked for the task last.
    pub(crate) fn owed_to(&self, task_id: &str) -> Option<&str> {
        let task = self.tasks.get(task_id)?;
        let ended = task.ended.as_ref().filter(|ended| !ended.acknowledged);
        ended.map(|_| task.accepted.callback_url.as_str())
    }

    /// Drops what ended before `outcomes_ms` and epochs not used since `epochs_ms`.
    pub(crate) fn forget(&mut self, outcomes_ms: u64, epochs_ms: u64) {
        self.tasks.retain(|_, task| task.ended.as_ref().is_none_or(|ended| ended.at_ms >= outcomes_ms));
        self.epochs.retain(|_, seen| seen.used_ms >= epochs_ms);
    }

    /// The shortest list of entries that makes an equal table.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let epochs = self
            .epochs
            .iter()
            .map(|(key, seen)| Entry::Epoch(Epoch { key: key.clone(), epoch: seen.epoch, used_ms: seen.used_ms }));
        let tasks = self.in_order().into_iter().flat_map(|task| {
            let task_id = &task.accepted.task_id;
            let finished = task.ended.as_ref().map(|ended| {
                Entry::Finished(Finished {
                    task_id: task_id.clone(),
                    outcome: ended.outcome.clone(),
                    at_ms: ended.at_ms,
                })
            });
            let acknowledged = task
                .ended
                .as_ref()
                .filter(|ended| ended.acknowledged)
                .map(|_| Entry::Acknowledged(Acknowledged { task_id: task_id.clone() }));
            [Some(Entry::Accepted(task.accepted.clone())), finished, acknowledged]
        });
        epochs.chain(tasks.flatten()).collect()
    }

    pub(crate) fn running(&self) -> usize {
        self.tasks.values().filter(|t| t.ended.is_none()).count()
    }

    pub(crate) fn unacknowledged(&self) -> usize {
        self.tasks.values().filter(|t| t.ended.as_ref().is_some_and(|e| !e.acknowledged)).count()
    }

    fn in_order(&self) -> Vec<&Task> {
        let mut tasks: Vec<_> = self.tasks.values().collect();
        tasks.sort_by_key(|t| t.order);
        tasks
    }
}
