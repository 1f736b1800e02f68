//! Fake [`Packages`]: what was asked for is up to date from then on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{OnProgress, Packages, Update};
use crate::HostError;

/// Packages of a machine that is not there. Clones are the same machine.
#[derive(Debug, Clone, Default)]
pub struct FakePackages(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    done: Vec<Update>,
    broken: Option<String>,
}

impl FakePackages {
    /// The updates that were done, in their order.
    pub fn done(&self) -> Vec<Update> {
        self.state().done.clone()
    }

    /// From now on the tool fails and says so; `None` mends it.
    pub fn set_broken(&self, said: Option<&str>) {
        self.state().broken = said.map(str::to_owned);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Packages for FakePackages {
    async fn update(&self, update: &Update, progress: OnProgress<'_>) -> Result<(), HostError> {
        progress(10, "updating packages");
        let mut state = self.state();
        if let Some(said) = state.broken.clone() {
            return Err(HostError::Packages { program: "apt-get", what: "update packages", said });
        }
        state.done.push(update.clone());
        Ok(())
    }
}
