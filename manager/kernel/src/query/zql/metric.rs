//! The settings of `zwatch{…}`: those of `GetMetricData`, and under which name the points are answered.

use cumulo_schema::ErrorCode;

use super::{
    error::refused,
    syntax::{Setting, SettingValue},
};
use crate::query::{LabelFilter, MetricFunction, MetricQuery, hint};

/// One clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZWatch {
    /// The member of `returnWith`.
    pub(super) result_name: String,
    /// Which of the target's fields names the resource; the key where absent.
    pub(super) field_index: Option<usize>,
    pub(super) query: MetricQuery,
}

const SETTINGS: [&str; 11] = [
    "resultName",
    "fieldIndex",
    "metricName",
    "namespace",
    "startTime",
    "endTime",
    "offsetAheadOfCurrentTime",
    "period",
    "labels",
    "valueConditions",
    "functions",
];

/// Reads the settings of the clause at the byte `at` of `text`.
pub(super) fn clause(text: &str, at: usize, settings: &[Setting]) -> Result<ZWatch, ErrorCode> {
    let mut clause = ZWatch { result_name: "zwatch".to_owned(), field_index: None, query: MetricQuery::default() };
    for setting in settings {
        let key = setting.key.text.as_str();
        let refuse = |problem: &str| refused(text, setting.key.at, &format!("'{}' {problem}", hint::cut(key)));
        let plain = || match &setting.value {
            SettingValue::Plain(value) => Ok(value.clone()),
            SettingValue::Call(..) => Err(refuse("takes a value, not a function")),
        };
        let number = || plain()?.parse::<i64>().map_err(|_| refuse("takes a whole number"));
        let query = &mut clause.query;
        match key {
            "resultName" => clause.result_name = plain()?,
            "fieldIndex" => {
                let index = usize::try_from(number()?).map_err(|_| refuse("takes a whole number from 0 on"))?;
                clause.field_index = Some(index);
            }
            "metricName" => query.metric_name = plain()?,
            "namespace" => query.namespace = Some(plain()?),
            "startTime" => query.start_time = Some(number()?),
            "endTime" => query.end_time = Some(number()?),
            "offsetAheadOfCurrentTime" => query.offset_ahead_of_current_time = Some(number()?),
            "period" => query.period = Some(number()?),
            "labels" => {
                let label = LabelFilter::parse(&plain()?)
                    .ok_or_else(|| refuse("takes 'name=value', also with !=, =~ or !~"))?;
                query.labels.push(label);
            }
            "valueConditions" => query.value_conditions.push(plain()?),
            "functions" => query.functions.push(function(text, setting)?),
            _ => {
                let hint = hint::did_you_mean(key, SETTINGS);
                return Err(refuse(&format!("is no setting of zwatch{hint}")));
            }
        }
    }
    if clause.query.metric_name.is_empty() {
        return Err(refused(text, at, "zwatch needs a metricName"));
    }
    if clause.query.period.is_some_and(|period| period <= 0) {
        return Err(refused(text, at, "the period of zwatch must be at least 1 second"));
    }
    Ok(clause)
}

/// A function, bare or in quotes.
fn function(text: &str, setting: &Setting) -> Result<MetricFunction, ErrorCode> {
    let call = match &setting.value {
        SettingValue::Call(..) => setting.value.clone(),
        SettingValue::Plain(inside) => super::parse_call(inside).map_err(|problem| {
            refused(text, setting.key.at, &format!("the function in quotes: {}", problem.details))
        })?,
    };
    made(call).ok_or_else(|| refused(text, setting.key.at, "'functions' takes a function: top(num=5)"))
}

pub(super) fn made(call: SettingValue) -> Option<MetricFunction> {
    match call {
        SettingValue::Call(name, arguments) => Some(MetricFunction { name, arguments }),
        SettingValue::Plain(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::LabelOp;

    #[test]
    fn labels_of_every_operator() {
        for (text, name, op, value) in [
            ("CPUNum=10", "CPUNum", LabelOp::Equal, "10"),
            ("CPUNum!=10", "CPUNum", LabelOp::NotEqual, "10"),
            ("VMUuid=~a|b", "VMUuid", LabelOp::Matches, "a|b"),
            ("FSType!~rootfs|tmpfs", "FSType", LabelOp::MatchesNot, "rootfs|tmpfs"),
            ("a=b=c", "a", LabelOp::Equal, "b=c"),
        ] {
            assert_eq!(
                LabelFilter::parse(text),
                Some(LabelFilter { name: name.into(), op, value: value.into() }),
                "{text}"
            );
        }
        for bad in ["", "CPUNum", "=10", "a!b"] {
            assert_eq!(LabelFilter::parse(bad), None, "{bad}");
        }
    }
}
