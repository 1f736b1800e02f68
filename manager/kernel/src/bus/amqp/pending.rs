//! Calls that wait for an answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use cumulo_schema::Uuid;
use tokio::sync::oneshot;

use super::headers::Refused;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    /// Why it was not started, if it was not.
    pub(super) refused: Option<Refused>,
    /// The epoch of who answered.
    pub(super) epoch: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Arc<Mutex<HashMap<Uuid, oneshot::Sender<Answer>>>>);

/// A place in the list, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    id: Uuid,
    pub(super) answer: oneshot::Receiver<Answer>,
    pending: Pending,
}

impl Pending {
    pub(super) fn wait(&self, id: Uuid) -> Waiting {
        let (sender, answer) = oneshot::channel();
        self.lock().insert(id, sender);
        Waiting { id, answer, pending: self.clone() }
    }

    /// Hands over the answer to `id`; whether anybody waited for it.
    pub(super) fn answer(&self, id: Uuid, answer: Answer) -> bool {
        let waiting = self.lock().remove(&id);
        waiting.is_some_and(|sender| sender.send(answer).is_ok())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, oneshot::Sender<Answer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.lock().remove(&self.id);
    }
}
