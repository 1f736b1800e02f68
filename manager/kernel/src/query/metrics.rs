//! What `return with (zwatch{…})` asks for, and who answers it.
//!
//! The kernel keeps no metrics. A service that does installs a [`MetricSource`]; where none is installed, the question is
//! refused with a sentence that says so.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, ResourceMeta};

use super::zql;
use crate::bus::Caller;

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelOp {
    /// `name=value`.
    Equal,
    /// `name!=value`.
    NotEqual,
    /// `name=~expression`.
    Matches,
    /// `name!~expression`.
    MatchesNot,
}

/// A condition on a label of a series: `CPUNum=10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    /// The label.
    pub name: String,
    /// How.
    pub op: LabelOp,
    /// The value or regular expression.
    pub value: String,
}

impl LabelFilter {
    /// `CPUNum=10`, `CPUNum!=10`, `VMUuid=~a|b`, `VMUuid!~a|b`; `None` where it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const OPERATORS: [(&str, LabelOp); 4] =
            [("!=", LabelOp::NotEqual), ("=~", LabelOp::Matches), ("!~", LabelOp::MatchesNot), ("=", LabelOp::Equal)];
        let end = text.find(['=', '!'])?;
        let (name, rest) = text.split_at(end);
        let (sign, op) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        let value = rest[sign.len()..].to_owned();
        (!name.trim().is_empty()).then(|| Self { name: name.trim().to_owned(), op: *op, value })
    }
}

/// Something done with what was found, in the order given: `top(num=5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricFunction {
    /// `limit`, `top`, `average`, `max`, `min`, `sum`, `sort` …; the source knows which it has.
    pub name: String,
    /// Its arguments in order: `("groupBy", "VMUuid")`.
    pub arguments: Vec<(String, String)>,
}

impl MetricFunction {
    /// Reads `top(num=5)`.
    ///
    /// # Errors
    /// SYS.1007 with line and column when it is no function.
    pub fn parse(text: &str) -> Result<Self, ErrorCode> {
        zql::metric_function(text)
    }
}

/// A question for metrics of the rows that a statement found: the fields of `GetMetricData`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricQuery {
    /// `CPUUsedUtilization`.
    pub metric_name: String,
    /// Other than the one that the resource stands for: `ZStack/VM`.
    pub namespace: Option<String>,
    /// From when on, in seconds since 1970.
    pub start_time: Option<i64>,
    /// Until when, in seconds since 1970.
    pub end_time: Option<i64>,
    /// From how many seconds ago on, instead of `start_time`.
    pub offset_ahead_of_current_time: Option<i64>,
    /// Seconds from one point to the next.
    pub period: Option<i64>,
    /// Conditions on labels, beside the one that the rows make.
    pub labels: Vec<LabelFilter>,
    /// Conditions on values, as written: `>80`.
    pub value_conditions: Vec<String>,
    /// What is done with what was found.
    pub functions: Vec<MetricFunction>,
}

impl MetricQuery {
    /// Reads settings as they stand between the braces of `zwatch{…}`.
    ///
    /// # Errors
    /// SYS.1007 with line and column within `text`.
    pub fn parse(text: &str) -> Result<Self, ErrorCode> {
        zql::metric_query(text)
    }
}

/// One point of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    /// What was measured.
    pub value: f64,
    /// When, in seconds since 1970.
    pub time: f64,
    /// Of what.
    pub labels: BTreeMap<String, String>,
}

/// Keeps metrics and finds them again. Asked on every `zwatch` clause, after the rows were found.
#[async_trait]
pub trait MetricSource: Send + Sync {
    /// The points of the resources of the kind `resource` whose ids `uuids` are, all of which `caller` sees. An error is
    /// shown to the client.
    async fn find(
        &self,
        caller: &Caller,
        resource: &'static ResourceMeta,
        uuids: &[String],
        query: &MetricQuery,
    ) -> Result<Vec<MetricPoint>, ErrorCode>;
}

/// A filter that SQL cannot express, written `filter by name{…}` and installed as the driver called `name`.
#[async_trait]
pub trait RowFilter: Send + Sync {
    /// Those of `uuids`, ids of resources of the kind `resource`, that satisfy `condition`. An error is shown to the client.
    async fn keep(
        &self,
        resource: &'static ResourceMeta,
        uuids: &[String],
        condition: &str,
    ) -> Result<Vec<String>, ErrorCode>;
}
