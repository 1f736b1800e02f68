//! What a run came to.

use std::{fmt, time::Duration};

/// How the world differs from what was said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was answered is not so, what was accepted has no end, what should be there is not.
    Lost,
    /// There is something twice, or it was done twice.
    Doubled,
    /// There is something that nobody has any more, or it is still counted.
    Leaked,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it counts as.
    pub kind: Kind,
    /// The difference, with the ids concerned.
    pub what: String,
}

impl Finding {
    /// One that counts as lost.
    pub fn lost(what: impl Into<String>) -> Self {
        Self { kind: Kind::Lost, what: what.into() }
    }

    /// One that counts as doubled.
    pub fn doubled(what: impl Into<String>) -> Self {
        Self { kind: Kind::Doubled, what: what.into() }
    }

    /// One that counts as leaked.
    pub fn leaked(what: impl Into<String>) -> Self {
        Self { kind: Kind::Leaked, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Lost => "lost",
            Kind::Doubled => "doubled",
            Kind::Leaked => "leaked",
        };
        write!(f, "{kind}: {}", self.what)
    }
}

/// A run.
#[derive(Debug)]
pub struct Outcome {
    /// What it was made from.
    pub seed: u64,
    /// What it did to the nodes and servers.
    pub faults: Vec<String>,
    /// Calls that were followed to their answers.
    pub calls: usize,
    /// Those that the nodes refused, or that failed.
    pub failed_calls: usize,
    /// What differs; nothing, if all is well.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// How many differences are of `kind`.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, faults, calls, failed_calls, findings, took } = self;
        let (verdict, seconds) = (if findings.is_empty() { "ok" } else { "FAILED" }, took.as_secs());
        let faults = faults.join(", ");
        write!(f, "seed {seed}: {verdict}, {calls} calls of which {failed_calls} failed, {seconds} s; {faults}")?;
        findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}
