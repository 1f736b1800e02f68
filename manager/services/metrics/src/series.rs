//! What is kept: numbers over time, of hosts and VMs.

use std::sync::Arc;

use cumulo_schema::Uuid;

use crate::catalog::Kind;

/// What a number is of, within a host or VM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Column {
    /// [`crate::catalog::Metric::number`].
    pub(crate) metric: u32,
    /// Empty where it is of all devices.
    pub(crate) device: Arc<str>,
}

/// One sample, or many rolled into one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// How many samples.
    pub(crate) count: f64,
    pub(crate) average: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Point {
    pub(crate) fn sample(value: f64) -> Self {
        Self { count: 1.0, average: value, least: value, greatest: value }
    }

    /// Both in one.
    pub(crate) fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        Self {
            count,
            average: (self.average * self.count + other.average * other.count) / count,
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
        }
    }
}

/// A host or VM and what was measured of it at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) kind: Kind,
    pub(crate) uuid: Uuid,
    /// Each column at most once.
    pub(crate) values: Vec<(Column, f64)>,
}

/// The points of one column, by time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) uuid: Uuid,
    pub(crate) device: Arc<str>,
    /// Seconds since 1970, and the point.
    pub(crate) points: Vec<(i64, Point)>,
}
