//! Where tests reach in: every step, every journal write and every call passes here once.
//!
//! The kernel is tested by failing it everywhere (STYLE.md: lose any request, lose any reply, die at any point), and
//! that cannot be done from outside. In production nothing is installed and a passage is one atomic load.

use std::sync::{Arc, OnceLock};

use cumulo_schema::{ErrorCode, Uuid};

/// A place that work passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point<'p> {
    /// A step is about to run, its start journalled.
    StepStart {
        /// The flow.
        flow: Uuid,
        /// The step.
        step: &'p str,
    },
    /// A step has run, its end not yet journalled.
    StepEnd {
        /// The flow.
        flow: Uuid,
        /// The step.
        step: &'p str,
    },
    /// A step is about to be undone.
    UndoStart {
        /// The flow.
        flow: Uuid,
        /// The step.
        step: &'p str,
    },
    /// A call is about to be delivered.
    CallRequest {
        /// The message's name, or the agent command's.
        name: &'p str,
    },
    /// A call was answered, the answer not yet seen by the caller.
    CallReply {
        /// The message's name, or the agent command's.
        name: &'p str,
    },
}

/// What is to happen there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Fail with this error.
    Fail(ErrorCode),
    /// Stop here without a trace, as if the process had died. Only flows honour it.
    Die,
}

/// Decides at each point.
pub trait Probe: Send + Sync + 'static {
    /// Called at each point, in the task that passes it.
    fn at(&self, point: Point<'_>) -> Verdict;
}

/// The place where a probe is installed; clones share it.
#[derive(Clone, Default)]
pub struct Faults(Arc<OnceLock<Arc<dyn Probe>>>);

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Faults").field(&self.0.get().is_some()).finish()
    }
}

impl Faults {
    /// Installs `probe`, for as long as this kernel lives. A second one is refused.
    ///
    /// # Errors
    /// Gives the probe back when there is one already.
    pub fn install(&self, probe: Arc<dyn Probe>) -> Result<(), Arc<dyn Probe>> {
        self.0.set(probe)
    }

    pub(crate) fn at(&self, point: Point<'_>) -> Verdict {
        self.0.get().map_or(Verdict::Pass, |probe| probe.at(point))
    }

    /// For callers outside flows: dying is failing.
    ///
    /// # Errors
    /// What the probe decided.
    pub fn check(&self, point: Point<'_>) -> Result<(), ErrorCode> {
        match self.at(point) {
            Verdict::Pass => Ok(()),
            Verdict::Fail(error) => Err(error),
            Verdict::Die => Err(ErrorCode::internal(format!("died at {point:?}"))),
        }
    }
}
