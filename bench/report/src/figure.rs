//! One line of what a benchmark found.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    goal::{Bound, Goal, Of},
    rows,
    turns::median,
};

/// Something measured, beside its limit where there is one, with what it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "a figure is of no use before it is told"]
pub struct Figure {
    /// What it is called; the same in every run.
    pub name: String,
    /// What it is counted in.
    pub unit: String,
    /// What was measured: the median of the turns.
    pub ours: f64,
    /// What it is compared with, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// What it should be; nothing where that is only to be known.
    #[serde(default)]
    pub goals: Vec<Goal>,
    /// What each turn measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<f64>,
    /// What each turn measured of the limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limit_turns: Vec<f64>,
}

impl Figure {
    /// `ours` of `unit`, measured once.
    pub fn new(name: impl Into<String>, unit: &str, ours: f64) -> Self {
        let (name, unit) = (name.into(), unit.to_owned());
        Self { name, unit, ours, limit: None, goals: Vec::new(), turns: Vec::new(), limit_turns: Vec::new() }
    }

    /// The median of what was measured in turns with its limit.
    pub fn beside(name: impl Into<String>, unit: &str, (turns, limit_turns): (Vec<f64>, Vec<f64>)) -> Self {
        let (ours, limit) = (median(&turns), Some(median(&limit_turns)));
        Self { limit, turns, limit_turns, ..Self::new(name, unit, ours) }
    }

    /// Compares with `limit`.
    pub fn limit(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// It should be `value` or less.
    pub fn at_most(self, value: f64) -> Self {
        self.goal(Of::Ours, Bound::AtMost, value)
    }

    /// It should be `value` or more.
    pub fn at_least(self, value: f64) -> Self {
        self.goal(Of::Ours, Bound::AtLeast, value)
    }

    /// It should be `value` times the limit or less.
    pub fn ratio_at_most(self, value: f64) -> Self {
        self.goal(Of::Ratio, Bound::AtMost, value)
    }

    /// It should be `value` times the limit or more.
    pub fn ratio_at_least(self, value: f64) -> Self {
        self.goal(Of::Ratio, Bound::AtLeast, value)
    }

    /// It should be at most `value` more than the limit.
    pub fn over_at_most(self, value: f64) -> Self {
        self.goal(Of::Over, Bound::AtMost, value)
    }

    fn goal(mut self, of: Of, bound: Bound, value: f64) -> Self {
        self.goals.push(Goal { of, bound, value });
        self
    }

    /// Whether it is as it should be; `None` where nobody said how that is.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        (!self.goals.is_empty()).then(|| self.goals.iter().all(|goal| goal.is_met(self.ours, self.limit)))
    }

    /// Its goals as one word; `-` where there are none.
    #[must_use]
    pub fn goal_text(&self) -> String {
        let goals: Vec<String> = self.goals.iter().map(Goal::to_string).collect();
        if goals.is_empty() { "-".to_owned() } else { goals.join(",") }
    }

    /// Prints it, and adds it to the rows.
    ///
    /// # Errors
    /// When the file of the rows cannot be written.
    pub fn tell(self) -> anyhow::Result<()> {
        println!("{self}");
        rows::append(&self)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bench: {} ours={} {}", self.name, number(self.ours), self.unit)?;
        if let Some(limit) = self.limit {
            write!(f, " limit={} ratio={:.3}", number(limit), self.ours / limit)?;
        }
        write!(f, " goal={}", self.goal_text())
    }
}

/// With three digits that say something, and all of those before the point.
fn number(value: f64) -> String {
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    match value.abs() {
        _ if whole => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_there_is() {
        let plain = Figure::new("memory", "MiB", 33.25).at_most(64.0);
        assert_eq!(plain.to_string(), "bench: memory ours=33.2 MiB goal=ours<=64");
        assert_eq!(plain.is_met(), Some(true));
        let turns = (vec![600.0, 500.0, 400.0], vec![1000.0, 900.0, 1100.0]);
        let beside = Figure::beside("queue", "tasks/s", turns).ratio_at_least(0.75).at_least(1e6);
        let line = "bench: queue ours=500 tasks/s limit=1000 ratio=0.500 goal=ratio>=0.75,ours>=1000000";
        assert_eq!(beside.to_string(), line);
        assert_eq!(beside.is_met(), Some(false));
        assert_eq!(Figure::new("plan", "ms", 0.0351).is_met(), None);
    }
}
