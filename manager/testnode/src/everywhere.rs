//! Failing work at every place it passes, one after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cumulo_kernel::faults::{Point, Probe, Verdict};
use cumulo_schema::ErrorCode;

use crate::TestNode;

impl TestNode {
    /// Does `work` once undisturbed, then once for each place it passed (steps before and after they take effect, calls
    /// losing their request, calls losing their reply), failing there. `after` is told how each ended, and where it was
    /// failed: it checks, and brings the world back to what it was before. Can be asked once a node.
    ///
    /// # Panics
    /// When a probe is installed already, or `work` fails undisturbed.
    pub async fn fail_everywhere<T>(
        &self,
        work: impl AsyncFn() -> Result<T, ErrorCode>,
        after: impl AsyncFn(Result<T, ErrorCode>, &str),
    ) {
        let probe = Arc::new(Everywhere::default());
        assert!(self.kernel().faults().install(probe.clone()).is_ok(), "one probe a node");
        let whole = work().await;
        assert!(whole.is_ok(), "it fails undisturbed: {:?}", whole.err());
        let places = probe.disarm();
        after(whole, "nowhere").await;
        for (at, place) in places.iter().enumerate() {
            probe.arm(at);
            let outcome = work().await;
            probe.disarm();
            after(outcome, place).await;
        }
    }
}

#[derive(Default)]
struct Everywhere(Mutex<State>);

#[derive(Default)]
struct State {
    passed: Vec<String>,
    armed: Option<usize>,
}

impl Everywhere {
    fn arm(&self, at: usize) {
        *self.lock() = State { passed: vec![], armed: Some(at) };
    }

    /// Lets everything pass again, and answers what was passed so far.
    fn disarm(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock()).passed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Everywhere {
    fn at(&self, point: Point<'_>) -> Verdict {
        let mut state = self.lock();
        state.passed.push(format!("{point:?}"));
        match state.armed {
            Some(at) if at + 1 == state.passed.len() => Verdict::Fail(ErrorCode::operation("on purpose")),
            _ => Verdict::Pass,
        }
    }
}
