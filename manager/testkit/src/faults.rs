//! Failing everywhere: a probe that counts the places work passes and does something at one of them.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use cumulo_kernel::faults::{Point, Probe, Verdict};

/// A probe that is armed again and again over the life of one node.
#[derive(Debug, Default)]
pub struct Everywhere {
    passed: AtomicUsize,
    armed: Mutex<Option<(usize, Verdict)>>,
    names: Mutex<Vec<String>>,
}

/// The places that work passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed(pub Vec<String>);

impl Everywhere {
    /// A probe that lets everything pass.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counts anew, and does `verdict` at the `at`th place.
    pub fn arm(&self, at: usize, verdict: Verdict) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.passed.store(0, Ordering::SeqCst);
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, verdict));
    }

    /// Counts anew and lets everything pass.
    pub fn disarm(&self) {
        self.arm(usize::MAX, Verdict::Pass);
    }

    /// The places passed since it was armed.
    #[must_use]
    pub fn passed(&self) -> Passed {
        Passed(self.names.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Probe for Everywhere {
    fn at(&self, point: Point<'_>) -> Verdict {
        // Agents are asked for signs of life all the time; that is no part of what is tested.
        if matches!(point, Point::CallRequest { name: "Connect" } | Point::CallReply { name: "Connect" }) {
            return Verdict::Pass;
        }
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{point:?}"));
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        match &*self.armed.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, verdict)) if *at == number => verdict.clone(),
            _ => Verdict::Pass,
        }
    }
}
