//! A statement as it was written, before anybody looked whether its names mean something.

use crate::query::{JoinKind, Op};

/// A word and the byte where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: usize,
}

/// Words with dots between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Word>);

impl Path {
    pub(super) fn at(&self) -> usize {
        self.0.first().map_or(0, |word| word.at)
    }
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plain(Op),
    Has,
    NotHas,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Values(Vec<String>),
    Field(Path),
    Query(Box<SubQuery>),
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compare { path: Path, operator: Operator, operand: Operand },
}

/// `query host.uuid where …` inside a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SubQuery {
    pub(super) target: Target,
    pub(super) condition: Option<Condition>,
}

/// `vminstance.uuid,name`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) entity: Word,
    pub(super) fields: Vec<Path>,
}

/// `left join vmNic on …`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Join {
    pub(super) kind: JoinKind,
    pub(super) entity: Word,
    pub(super) on: Condition,
}

/// `INET_ATON(vmNic.ip) desc`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) function: Option<Word>,
    pub(super) path: Path,
    pub(super) descending: bool,
}

/// One of `zone.uuid = '…'` in `restrict by (…)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Restriction {
    pub(super) path: Path,
    pub(super) op: Op,
    pub(super) values: Vec<String>,
}

/// `metricName='…'` inside the braces of `zwatch{…}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    pub(super) key: Word,
    pub(super) value: SettingValue,
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SettingValue {
    Plain(String),
    /// `top(num=5)`.
    Call(String, Vec<(String, String)>),
}

/// One of `return with (…)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Return {
    pub(super) name: Path,
    /// What stood in braces.
    pub(super) settings: Option<Vec<Setting>>,
}

/// `name{…}` of `filter by`, with the bytes of what stood in the braces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    pub(super) name: Word,
    pub(super) inside: std::ops::Range<usize>,
}

/// The three sorts of statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Query,
    Count,
    /// `sum … by …`.
    Sum(Option<Path>),
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) kind: Kind,
    /// `distinct`, `max` …
    pub(super) function: Option<Word>,
    pub(super) target: Target,
    pub(super) joins: Vec<Join>,
    pub(super) condition: Option<Condition>,
    pub(super) restrict: Vec<Restriction>,
    pub(super) returns: Vec<Return>,
    pub(super) group_by: Vec<Path>,
    pub(super) order_by: Vec<Order>,
    pub(super) limit: Option<u64>,
    pub(super) offset: Option<u64>,
    pub(super) filters: Vec<Filter>,
    pub(super) name: Option<(String, usize)>,
}
