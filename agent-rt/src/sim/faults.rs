//! Which calls fail and how, and which were made.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The agent never sees it; the caller sees an unreachable agent.
    DropRequest,
    /// The agent does it, and the outcome never arrives (until the task is sent again).
    LoseReply,
    /// The agent fails it without doing anything.
    FailBefore,
    /// The agent does it and then fails it.
    FailAfter,
    /// The agent takes this much longer, before doing it.
    Delay(Duration),
}

/// Which calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// The next of this command.
    Next(&'static str),
    /// Every one of this command, until [`Faults::clear`].
    Every(&'static str),
    /// The n-th call of any command (`Ping` is one), counted from 0 since the start or the last [`Faults::clear`].
    Nth(usize),
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The command.
    pub command: &'static str,
    /// The task.
    pub task_id: String,
}

/// The faults of one simulated agent, and the calls it got; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    hangs: Arc<watch::Sender<bool>>,
}

#[derive(Debug, Default)]
struct State {
    planned: Vec<(On, Fault)>,
    calls: Vec<Call>,
    /// What was decided for a task, until it is used up.
    decided: HashMap<String, Vec<Fault>>,
}

impl Faults {
    /// Plans a fault. Several may meet in one call.
    pub fn plan(&self, on: On, fault: Fault) {
        self.state().planned.push((on, fault));
    }

    /// Forgets planned faults and recorded calls.
    pub fn clear(&self) {
        *self.state() = State::default();
    }

    /// Whether it hangs from now on: it takes calls and pings, and answers none. Those that are still waited for when it goes
    /// on are done then; the others never came.
    pub fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// Waits until it does not hang.
    pub(super) async fn answers(&self) {
        // The sender is here, so it does not end before that.
        let _ = self.hangs.subscribe().wait_for(|hangs| !hangs).await;
    }

    /// The calls so far, those sent again included.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Notes a call and decides what will go wrong with it.
    pub(super) fn called(&self, command: &'static str, task_id: &str) {
        let mut state = self.state();
        let nth = state.calls.len();
        state.calls.push(Call { command, task_id: task_id.to_owned() });
        let mut decided = Vec::new();
        state.planned.retain(|(on, fault)| {
            let (hit, keep) = match on {
                On::Next(name) => (*name == command, *name != command),
                On::Every(name) => (*name == command, true),
                On::Nth(n) => (*n == nth, *n != nth),
            };
            if hit {
                decided.push(fault.clone());
            }
            keep
        });
        state.decided.entry(task_id.to_owned()).or_default().extend(decided);
    }

    /// Uses up `fault` where it was decided for the task.
    pub(super) fn strikes(&self, task_id: &str, fault: &Fault) -> bool {
        let mut state = self.state();
        let Some(decided) = state.decided.get_mut(task_id) else { return false };
        let Some(at) = decided.iter().position(|f| f == fault) else { return false };
        decided.swap_remove(at);
        true
    }

    /// Whether `fault` was decided for the task.
    pub(super) fn will_strike(&self, task_id: &str, fault: &Fault) -> bool {
        self.state().decided.get(task_id).is_some_and(|decided| decided.contains(fault))
    }

    /// The delay decided for the task.
    pub(super) fn delay(&self, task_id: &str) -> Duration {
        let state = self.state();
        let decided = state.decided.get(task_id).map(Vec::as_slice).unwrap_or_default();
        decided.iter().map(|f| if let Fault::Delay(by) = f { *by } else { Duration::ZERO }).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
