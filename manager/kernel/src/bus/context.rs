//! What travels with every call: deadline, trace, and on whose behalf.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use cumulo_schema::Uuid;
use serde::{Deserialize, Serialize};

use super::DEFAULT_DEADLINE;
use crate::{cluster::Hold, db::Deferred, plan::Planning, timeline::Trail};

tokio::task_local! {
    static CONTEXT: CallContext;
}

/// The account on whose behalf something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The account.
    pub account: Uuid,
    /// The session it used, if any.
    pub session: Option<Uuid>,
}

impl Caller {
    /// The system itself, and the operator at the console: the admin account.
    pub const SYSTEM: Caller = Caller { account: Uuid::ADMIN, session: None };

    /// Whether it may see and do everything.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.account == Uuid::ADMIN
    }
}

/// Deadline and trace of the work going on in the current task.
#[derive(Debug, Clone, Copy)]
pub struct CallContext {
    /// When whoever waits at the far end stops waiting.
    pub deadline: Instant,
    /// The API call, or background round, that all of this belongs to.
    pub trace: Uuid,
    /// On whose behalf.
    pub caller: Caller,
    /// Whether it ends early when its job is cancelled.
    pub stoppable: bool,
}

impl CallContext {
    /// A context that starts here: something done by the system, `timeout` long.
    #[must_use]
    pub fn starting(trace: Uuid, caller: Caller, timeout: Duration) -> Self {
        Self { deadline: Instant::now() + timeout, trace, caller, stoppable: true }
    }

    /// That of the current task; a fresh one of the system's where there is none.
    #[must_use]
    pub fn current() -> Self {
        CONTEXT
            .try_with(|context| *context)
            .unwrap_or_else(|_| Self::starting(Uuid::random(), Caller::SYSTEM, DEFAULT_DEADLINE))
    }

    /// The same, ending `timeout` from now if that is earlier.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.deadline = self.deadline.min(Instant::now() + timeout);
        self
    }

    /// The same for undoing what was done in it: with at least `least` left, also when the deadline is why it is undone, and
    /// not to be cancelled.
    #[must_use]
    pub fn for_undo(mut self, least: Duration) -> Self {
        self.deadline = self.deadline.max(Instant::now() + least);
        self.stoppable = false;
        self
    }

    /// What is left until the deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Runs `work` in this context, with the deferred writes and the hold of the current task; planned, where that is.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        // On the heap: work contains the futures of everything that it waits for, which wait in scopes in turn, and an
        // optimising compiler refuses to lay out types that deep.
        let work = Deferred::inherited(Trail::carry(Box::pin(work)));
        CONTEXT.scope(self, Hold::current().scope(Planning::carry(work)))
    }
}
