//! A spinner on standard error while a job runs, where somebody is looking.

use std::{
    io::{self, IsTerminal},
    sync::Mutex,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{http::Progress, render::printable};

/// Shows the verb, the time so far and what the server says; nothing at all when standard error is no terminal.
#[derive(Debug)]
pub struct Spinner {
    shown: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Spinner {
    /// A spinner for this process's standard error.
    #[must_use]
    pub fn on_stderr() -> Self {
        Self { shown: io::stderr().is_terminal(), bar: Mutex::new(None) }
    }

    fn say(&self, text: String) {
        if let Ok(bar) = self.bar.lock()
            && let Some(bar) = bar.as_ref()
        {
            bar.set_message(text);
        }
    }
}

impl Progress for Spinner {
    fn started(&self, verb: &str, job: &str) {
        if !self.shown {
            return;
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(verb.to_owned());
        bar.set_message(format!("job {job}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        if let Ok(mut slot) = self.bar.lock() {
            *slot = Some(bar);
        }
    }

    fn is_shown(&self) -> bool {
        self.shown
    }

    fn at(&self, content: &str) {
        self.say(printable(content));
    }

    fn waiting(&self) {
        self.say("the management node does not answer; asking again".to_owned());
    }

    fn ended(&self) {
        if let Ok(mut slot) = self.bar.lock()
            && let Some(bar) = slot.take()
        {
            bar.finish_and_clear();
        }
    }
}
