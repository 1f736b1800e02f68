//! What is made of points: `limit(limit=10)`, `top(num=5)`, `average(groupBy="VMUuid")`, `max`, `min`, `sum`.

use std::collections::BTreeMap;

use cumulo_kernel::query::MetricFunction;
use cumulo_schema::ErrorCode;

use super::Labelled;
use crate::series::Point;

/// A function that makes sense.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// The first so many.
    Limit(usize),
    /// The greatest so many, greatest first.
    Top(usize),
    /// One point of all that have the labels `by` in common; the latest time, unless times are kept apart.
    Collapse { how: How, by: Vec<String>, by_time: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Average,
    Max,
    Min,
    Sum,
}

impl Function {
    /// # Errors
    /// SYS.1007 with what there is.
    pub(super) fn new(asked: &MetricFunction) -> Result<Self, ErrorCode> {
        let name = asked.name.as_str();
        match name {
            "limit" => Ok(Self::Limit(number(asked, "limit")?)),
            "top" => Ok(Self::Top(number(asked, "num")?)),
            "average" | "avg" => Self::collapse(asked, How::Average),
            "max" => Self::collapse(asked, How::Max),
            "min" => Self::collapse(asked, How::Min),
            "sum" => Self::collapse(asked, How::Sum),
            _ => {
                let name: String = name.chars().take(60).collect();
                let there =
                    "limit(limit=10), top(num=5), average, max, min and sum, these with groupBy=\"VMUuid\" or without";
                Err(ErrorCode::invalid(format!("metrics have no function '{name}'; there is {there}")))
            }
        }
    }

    fn collapse(asked: &MetricFunction, how: How) -> Result<Self, ErrorCode> {
        let (mut by, mut by_time) = (Vec::new(), false);
        for (name, value) in &asked.arguments {
            if name != "groupBy" {
                return Err(ErrorCode::invalid(format!("{} takes groupBy=\"<label>,…\" only", asked.name)));
            }
            for label in value.split(',').map(str::trim).filter(|label| !label.is_empty()) {
                match label {
                    "time" => by_time = true,
                    label => by.push(label.to_owned()),
                }
            }
        }
        Ok(Self::Collapse { how, by, by_time })
    }

    pub(super) fn apply(&self, mut points: Vec<Labelled>) -> Vec<Labelled> {
        match self {
            Self::Limit(most) => {
                points.truncate(*most);
                points
            }
            Self::Top(most) => {
                points.sort_by(|one, other| other.value.total_cmp(&one.value));
                points.truncate(*most);
                points
            }
            Self::Collapse { how, by, by_time } => collapsed(points, *how, by, *by_time),
        }
    }
}

/// The one argument of a function that takes a number, with or without its name.
fn number(asked: &MetricFunction, name: &str) -> Result<usize, ErrorCode> {
    let number = match asked.arguments.as_slice() {
        [(given, value)] if given == name || given == "num" || given == "limit" => value.parse().ok(),
        _ => None,
    };
    let refused = || ErrorCode::invalid(format!("{} takes a whole number: {}({name}=10)", asked.name, asked.name));
    number.filter(|number| *number > 0).ok_or_else(refused)
}

fn collapsed(points: Vec<Labelled>, how: How, by: &[String], by_time: bool) -> Vec<Labelled> {
    let mut groups = BTreeMap::<(BTreeMap<String, String>, i64), Labelled>::new();
    for Labelled { mut labels, time, value, point } in points {
        labels.retain(|name, _| by.contains(name));
        // What an earlier function made is a number like any other.
        let point = if value.total_cmp(&point.average).is_eq() { point } else { Point::sample(value) };
        let value = match how {
            How::Average | How::Sum => value,
            How::Max => point.greatest,
            How::Min => point.least,
        };
        let key = (labels.clone(), if by_time { time } else { 0 });
        let one = Labelled { labels, time, value, point };
        groups.entry(key).and_modify(|group| group.join(&one, how)).or_insert(one);
    }
    groups.into_values().collect()
}

impl Labelled {
    fn join(&mut self, other: &Self, how: How) {
        self.time = self.time.max(other.time);
        self.point = self.point.and(other.point);
        self.value = match how {
            How::Average => self.point.average,
            How::Max => self.value.max(other.value),
            How::Min => self.value.min(other.value),
            How::Sum => self.value + other.value,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, arguments: &[(&str, &str)]) -> Result<Function, ErrorCode> {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Function::new(&MetricFunction { name: name.to_owned(), arguments })
    }

    fn points() -> Vec<Labelled> {
        let point = |vm: &str, cpu: &str, time, average, greatest| {
            let labels = [("VMUuid", vm), ("CPUNum", cpu)].map(|(name, value)| (name.to_owned(), value.to_owned()));
            let point = Point { count: 2.0, average, least: 0.0, greatest };
            Labelled { labels: labels.into(), time, value: average, point }
        };
        vec![point("a", "0", 10, 1.0, 5.0), point("a", "1", 20, 3.0, 4.0), point("b", "0", 10, 8.0, 9.0)]
    }

    #[test]
    fn points_are_collapsed_by_label_or_altogether() {
        for (name, by, answer) in [
            ("average", "VMUuid", vec![(2.0, 20), (8.0, 10)]),
            ("max", "VMUuid", vec![(5.0, 20), (9.0, 10)]),
            ("min", "", vec![(0.0, 20)]),
            ("sum", "time", vec![(9.0, 10), (3.0, 20)]),
            ("sum", "VMUuid, CPUNum", vec![(1.0, 10), (8.0, 10), (3.0, 20)]),
        ] {
            let made = function(name, &[("groupBy", by)]).expect("fine").apply(points());
            let mut made: Vec<(f64, i64)> = made.iter().map(|point| (point.value, point.time)).collect();
            if by.contains("CPUNum") {
                made.sort_by_key(|(_, time)| *time);
            }
            assert_eq!(made, answer, "{name} by {by}");
        }
        let averages = function("average", &[("groupBy", "VMUuid")]).expect("fine").apply(points());
        let top = function("top", &[("num", "1")]).expect("fine").apply(averages);
        assert_eq!((top.len(), top[0].labels.get("VMUuid").map(String::as_str)), (1, Some("b")));
        assert_eq!(function("limit", &[("limit", "2")]).expect("fine").apply(points()), points()[..2]);
    }

    #[test]
    fn what_is_none_is_refused() {
        let cases: [(&str, &[(&str, &str)]); 5] = [
            ("median", &[]),
            ("top", &[]),
            ("top", &[("num", "x")]),
            ("limit", &[("limit", "-1")]),
            ("max", &[("by", "x")]),
        ];
        for (name, arguments) in cases {
            assert!(function(name, arguments).is_err(), "{name}");
        }
    }
}
