//! Who waits for the outcome of which task.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cumulo_proto::Outcome;
use cumulo_schema::Uuid;
use tokio::sync::watch;

/// Waiters by task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiters(Arc<Mutex<HashMap<Uuid, Entry>>>);

#[derive(Debug)]
struct Entry {
    agent: Uuid,
    /// The command, and the call on whose behalf: for whom its progress is news.
    command: &'static str,
    trace: Uuid,
    outcome: watch::Sender<Option<Arc<Outcome>>>,
    /// How many [`Waiter`]s there are: a resumed flow may wait beside a call that has not given up yet.
    waiting: usize,
}

/// One who waits; the place is given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter {
    all: Waiters,
    task: Uuid,
    outcome: watch::Receiver<Option<Arc<Outcome>>>,
}

/// What became of an outcome that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Somebody had waited for it.
    Taken,
    /// Nobody waits for it any more.
    Unwanted,
    /// It is the task of another agent.
    Forged,
}

impl Waiters {
    /// Waits for the outcome of `task`, which `agent` is to do: `command`, on behalf of `trace`.
    pub(crate) fn expect(&self, agent: Uuid, task: Uuid, command: &'static str, trace: Uuid) -> Waiter {
        let mut entries = self.lock();
        let fresh = || Entry { agent, command, trace, outcome: watch::Sender::new(None), waiting: 0 };
        let entry = entries.entry(task).or_insert_with(fresh);
        entry.waiting += 1;
        Waiter { all: self.clone(), task, outcome: entry.outcome.subscribe() }
    }

    /// What `task`, which `agent` says it does, is: the command, and on whose behalf.
    pub(crate) fn purpose(&self, agent: Uuid, task: Uuid) -> Option<(&'static str, Uuid)> {
        let entries = self.lock();
        entries.get(&task).filter(|entry| entry.agent == agent).map(|entry| (entry.command, entry.trace))
    }

    /// Gives `outcome`, which `agent` delivered, to who waits for it.
    pub(crate) fn deliver(&self, agent: Uuid, outcome: Outcome) -> Delivery {
        let entries = self.lock();
        let entry = outcome.task_id.parse().ok().and_then(|task: Uuid| entries.get(&task));
        match entry {
            Some(entry) if entry.agent == agent => {
                entry.outcome.send_replace(Some(Arc::new(outcome)));
                Delivery::Taken
            }
            Some(_) => Delivery::Forged,
            None => Delivery::Unwanted,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Gives `outcome`, which the agent that this one waits for answered itself, to all who wait for it.
    pub(crate) fn deliver(&self, outcome: Outcome) {
        let entries = self.all.lock();
        // The answer to one task is not that of another.
        if let Some(entry) = entries.get(&self.task).filter(|_| outcome.task_id == self.task.to_string()) {
            entry.outcome.send_replace(Some(Arc::new(outcome)));
        }
    }

    /// The outcome, when it has come.
    pub(crate) async fn outcome(&mut self) -> Arc<Outcome> {
        loop {
            if let Ok(Some(outcome)) = self.outcome.wait_for(Option::is_some).await.map(|seen| seen.clone()) {
                return outcome;
            }
            // The entry with the sender lives as long as this waiter does.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut entries = self.all.lock();
        if let Some(entry) = entries.get_mut(&self.task) {
            entry.waiting -= 1;
            if entry.waiting == 0 {
                entries.remove(&self.task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(task: Uuid) -> Outcome {
        Outcome { task_id: task.to_string(), ..Outcome::default() }
    }

    #[tokio::test]
    async fn everybody_who_waits_gets_it_and_nobody_is_left() {
        let (waiters, agent, task, trace) = (Waiters::default(), Uuid::random(), Uuid::random(), Uuid::random());
        let (mut first, mut second) =
            (waiters.expect(agent, task, "C", trace), waiters.expect(agent, task, "C", trace));
        assert_eq!(waiters.purpose(agent, task), Some(("C", trace)));
        assert_eq!(waiters.purpose(Uuid::random(), task), None, "another agent's word is nothing");
        assert_eq!(waiters.deliver(agent, outcome(task)), Delivery::Taken);
        assert_eq!(first.outcome().await, second.outcome().await);
        drop((first, second));
        assert_eq!(waiters.deliver(agent, outcome(task)), Delivery::Unwanted);
        assert!(waiters.lock().is_empty());
    }

    #[test]
    fn another_agent_cannot_answer() {
        let (waiters, task) = (Waiters::default(), Uuid::random());
        let _waiter = waiters.expect(Uuid::random(), task, "C", Uuid::random());
        assert_eq!(waiters.deliver(Uuid::random(), outcome(task)), Delivery::Forged);
        let nonsense = Outcome { task_id: "nonsense".to_owned(), ..Outcome::default() };
        assert_eq!(waiters.deliver(Uuid::random(), nonsense), Delivery::Unwanted);
    }
}
