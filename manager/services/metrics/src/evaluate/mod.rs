//! From a question to points: which times, which labels, which values, and what is made of them.

mod conditions;
mod functions;
mod times;

use std::collections::BTreeMap;

use cumulo_kernel::query::{MetricPoint, MetricQuery};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{
    catalog::{self, Kind, Metric},
    series::{Point, Series},
    store::Question,
};
use conditions::{Labels, Values};

/// Most points that functions work on.
const MOST_POINTS: usize = 1_000_000;
/// Most points that are answered.
const MOST_ANSWERED: usize = 100_000;

/// A question that makes sense.
#[derive(Debug)]
pub(crate) struct Plan {
    kind: Kind,
    metric: &'static Metric,
    times: times::Times,
    labels: Labels,
    values: Values,
    functions: Vec<functions::Function>,
}

/// A point on its way through the functions.
#[derive(Debug, Clone, PartialEq)]
struct Labelled {
    labels: BTreeMap<String, String>,
    /// Seconds since 1970.
    time: i64,
    /// As it is answered: the point's average, until a function makes something else of it.
    value: f64,
    point: Point,
}

impl Plan {
    /// Checks `query` for metrics of `kind`, asked at `now`.
    ///
    /// # Errors
    /// SYS.1007 with what is wrong.
    pub(crate) fn new(kind: Kind, query: &MetricQuery, now: i64) -> Result<Self, ErrorCode> {
        let metric = catalog::asked(kind, &query.metric_name)?;
        Ok(Self {
            kind,
            metric,
            times: times::Times::new(query, now)?,
            labels: Labels::new(&query.labels)?,
            values: Values::new(&query.value_conditions)?,
            functions: query.functions.iter().map(functions::Function::new).collect::<Result<_, _>>()?,
        })
    }

    /// What to ask the store, of those of `subjects` that the labels allow.
    pub(crate) fn question(&self, mut subjects: Vec<Uuid>) -> Question {
        subjects.retain(|uuid| self.labels.allow(self.kind.label(), &uuid.to_string()));
        Question {
            kind: self.kind,
            subjects,
            metric: self.metric.number,
            start: self.times.start,
            end: self.times.end,
            level: self.times.level,
            period: self.times.period,
        }
    }

    /// The answer.
    ///
    /// # Errors
    /// SYS.1007 when there are too many points.
    pub(crate) fn answer(&self, series: Vec<Series>) -> Result<Vec<MetricPoint>, ErrorCode> {
        let mut points = Vec::new();
        for one in series {
            let labels = self.labels_of(&one);
            if !self.labels.allow_all(&labels) {
                continue;
            }
            let passing = one.points.into_iter().filter(|(_, point)| self.values.allow(point.average));
            points.extend(passing.map(|(time, point)| Labelled {
                labels: labels.clone(),
                time,
                value: point.average,
                point,
            }));
            if points.len() > MOST_POINTS {
                return Err(too_many(MOST_POINTS));
            }
        }
        for function in &self.functions {
            points = function.apply(points);
        }
        if points.len() > MOST_ANSWERED {
            return Err(too_many(MOST_ANSWERED));
        }
        #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are exact for a while")]
        let shown = |Labelled { labels, time, value, .. }| MetricPoint { value, time: time as f64, labels };
        Ok(points.into_iter().map(shown).collect())
    }

    fn labels_of(&self, series: &Series) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([(self.kind.label().to_owned(), series.uuid.to_string())]);
        if let Some(name) = self.metric.device {
            labels.insert(name.to_owned(), series.device.to_string());
        }
        labels
    }
}

fn too_many(most: usize) -> ErrorCode {
    let text = "ask for less time, a longer period or fewer labels, or collapse them with a function";
    ErrorCode::invalid(format!("there are more than {most} points; {text}"))
}
