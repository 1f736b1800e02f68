//! What a figure is to be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// What was measured.
    Ours,
    /// That over the limit.
    Ratio,
    /// By how much it is more than the limit.
    Over,
}

/// On which side of its value a goal is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// At the value and below.
    AtMost,
    /// At the value and above.
    AtLeast,
}

/// What a figure is to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What of the figure.
    pub of: Of,
    /// On which side of the value.
    pub bound: Bound,
    /// The value, in the figure's unit or as a ratio.
    pub value: f64,
}

impl Goal {
    /// Whether `ours` beside `limit` is as it should be; without a limit, what is about one is not.
    #[must_use]
    pub fn is_met(&self, ours: f64, limit: Option<f64>) -> bool {
        let measured = match self.of {
            Of::Ours => Some(ours),
            Of::Ratio => limit.map(|limit| ours / limit),
            Of::Over => limit.map(|limit| ours - limit),
        };
        measured.is_some_and(|measured| match self.bound {
            Bound::AtMost => measured <= self.value,
            Bound::AtLeast => measured >= self.value,
        })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            Of::Ours => "ours",
            Of::Ratio => "ratio",
            Of::Over => "over",
        };
        let bound = match self.bound {
            Bound::AtMost => "<=",
            Bound::AtLeast => ">=",
        };
        write!(f, "{of}{bound}{}", (self.value * 1e3).round() / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_on_its_side() {
        let goal = |of, bound, value| Goal { of, bound, value };
        assert!(goal(Of::Ours, Bound::AtMost, 5.0).is_met(5.0, None));
        assert!(!goal(Of::Ours, Bound::AtLeast, 5.0).is_met(4.9, Some(1.0)));
        assert!(goal(Of::Ratio, Bound::AtLeast, 0.5).is_met(5.0, Some(10.0)));
        assert!(!goal(Of::Over, Bound::AtMost, 3.0).is_met(14.0, Some(10.0)));
        assert!(!goal(Of::Ratio, Bound::AtMost, 3.0).is_met(1.0, None), "there is nothing to compare with");
        assert_eq!(goal(Of::Over, Bound::AtMost, 300.0).to_string(), "over<=300");
    }
}
