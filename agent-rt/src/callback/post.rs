//! Posting with patience: outcomes until acknowledged, progress when there is something new.

use std::{sync::Arc, time::Duration};

use cumulo_proto::{Outcome, Progress};
use rand::Rng as _;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Callbacks, PostError};
use crate::{Chain, Journal, Metrics};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After that the outcome is forgotten by the journal too; the manager stopped waiting long before.
const GIVE_UP: Duration = Duration::from_hours(24);
/// Between two progress messages of one task.
const PROGRESS_PAUSE: Duration = Duration::from_millis(500);
/// Posts under way at once: a manager that comes back is not flooded by one agent.
const AT_ONCE: usize = 32;

/// What posting needs.
pub(crate) struct Posting {
    pub(crate) callbacks: Arc<dyn Callbacks>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopping: CancellationToken,
    slots: Semaphore,
}

impl Posting {
    pub(crate) fn new(
        callbacks: Arc<dyn Callbacks>,
        journal: Arc<Journal>,
        metrics: Arc<Metrics>,
        stopping: CancellationToken,
    ) -> Self {
        Self { callbacks, journal, metrics, stopping, slots: Semaphore::new(AT_ONCE) }
    }

    async fn once(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        // The semaphore is never closed; without a permit the post is merely not limited.
        let _slot = self.slots.acquire().await;
        let result = self.callbacks.outcome(base, outcome).await;
        self.metrics.posted("outcome", result.is_ok());
        result
    }
}

/// Posts an outcome until the manager has it, does not want it, or the agent stops (then it is posted after the next
/// start). It goes to the manager that asked for it last: the one before may be dead.
pub(crate) async fn post_outcome(posting: Arc<Posting>, outcome: Outcome) {
    let (task, journal) = (&outcome.task_id, &posting.journal);
    let since = Instant::now();
    let mut pause = FIRST_PAUSE;
    while let Some(base) = journal.owed_to(task) {
        match posting.once(&base, &outcome).await {
            Ok(()) => journal.acknowledge(task, &base),
            Err(error @ PostError::Unwanted { .. }) => {
                debug!(task, error = %Chain(&error), "the outcome is not wanted any more");
                journal.acknowledge(task, &base);
            }
            Err(error) if since.elapsed() > GIVE_UP => {
                warn!(task, error = %Chain(&error), "gave up posting an outcome");
                return journal.acknowledge(task, &base);
            }
            Err(error) => debug!(task, error = %Chain(&error), "will post the outcome again"),
        }
        // It was told, or another manager is to be told, which does not wait.
        if !journal.is_owed_to(task, &base) {
            continue;
        }
        tokio::select! {
            () = posting.stopping.cancelled() => return,
            () = sleep(jittered(pause)) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Posts the newest progress of one task until its sender is gone.
pub(crate) async fn post_progress(posting: Arc<Posting>, base: String, mut newest: watch::Receiver<Progress>) {
    while newest.changed().await.is_ok() {
        let progress = newest.borrow_and_update().clone();
        let result = posting.callbacks.progress(&base, &progress).await;
        posting.metrics.posted("progress", result.is_ok());
        sleep(PROGRESS_PAUSE).await;
    }
}

/// Between half and the whole of `pause`, so that many agents do not come at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}
