//! What happened in a run, in order: kept where it failed.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Lines with the milliseconds since its beginning.
#[derive(Debug)]
pub struct History {
    since: Instant,
    lines: Mutex<Vec<String>>,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// One that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { since: Instant::now(), lines: Mutex::default() }
    }

    /// Something happened.
    pub fn note(&self, what: impl Display) {
        let line = format!("{:>6} {what}", self.since.elapsed().as_millis());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All of it, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n") + "\n"
    }
}
