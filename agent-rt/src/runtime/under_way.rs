//! The tasks that wait or run, each with what stops it. Not in the journal: after a restart the manager, which still waits
//! for the outcome, asks again for the task and for its end.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(super) struct UnderWay(Mutex<HashMap<String, CancellationToken>>);

impl UnderWay {
    pub(super) fn begins(&self, task_id: &str) -> CancellationToken {
        self.lock().entry(task_id.to_owned()).or_default().clone()
    }

    pub(super) fn ended(&self, task_id: &str) {
        self.lock().remove(task_id);
    }

    /// Whether there is such a task.
    pub(super) fn cancel(&self, task_id: &str) -> bool {
        let token = self.lock().get(task_id).cloned();
        token.inspect(CancellationToken::cancel).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
