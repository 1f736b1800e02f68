//! What happened in a run, in order: kept where it failed.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Lines with the milliseconds since its beginning.
#[derive(Debug)]
pub(crate) struct History {
    since: Instant,
    lines: Mutex<Vec<String>>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), lines: Mutex::default() }
    }

    pub(crate) fn note(&self, what: impl Display) {
        let line = format!("{:>6} {what}", self.since.elapsed().as_millis());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub(crate) fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n") + "\n"
    }
}
