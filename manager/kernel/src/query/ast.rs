//! A question, independent of how it was written.

use cumulo_schema::ResourceMeta;

/// Rows answered when a client names no limit (wire.md §4).
pub(crate) const DEFAULT_LIMIT: u64 = 1000;

/// Comparison of a field with values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the operators' own names")]
pub enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Like,
    NotLike,
    In,
    NotIn,
    IsNull,
    NotNull,
}

impl Op {
    /// For a condition on a set of things (tags): the operator on one of them, and whether none may match.
    pub(crate) fn on_member(self) -> (Op, bool) {
        match self {
            Op::Ne => (Op::Eq, true),
            Op::NotLike => (Op::Like, true),
            Op::NotIn => (Op::In, true),
            Op::IsNull => (Op::NotNull, true),
            other => (other, false),
        }
    }
}

/// What must hold for a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them; an empty one always holds.
    All(Vec<Filter>),
    /// Any of them; an empty one never holds.
    Any(Vec<Filter>),
    /// A field, reached by a dotted path, compared with values.
    Compare {
        /// `["vmNics", "ip"]`.
        path: Vec<String>,
        /// How.
        op: Op,
        /// None for null tests, one for most, any number for lists.
        values: Vec<String>,
    },
}

impl Filter {
    /// `field = value`.
    #[must_use]
    pub fn equals(field: &str, value: impl Into<String>) -> Self {
        Self::Compare { path: vec![field.to_owned()], op: Op::Eq, values: vec![value.into()] }
    }
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// Wire name of the field.
    pub field: String,
    /// From the greatest down.
    pub descending: bool,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Select {
    /// What is asked for.
    pub target: &'static ResourceMeta,
    /// The members wanted in each inventory; `None` means all.
    pub fields: Option<Vec<String>>,
    /// Which rows.
    pub filter: Filter,
    /// In which order; the key breaks ties, so that pages do not overlap.
    pub sort: Vec<Sort>,
    /// How many rows at most.
    pub limit: u64,
    /// How many to skip.
    pub start: u64,
    /// Answer rows.
    pub with_rows: bool,
    /// Answer how many there are.
    pub with_total: bool,
}

impl Select {
    /// All of `target`, up to the usual limit.
    #[must_use]
    pub fn of(target: &'static ResourceMeta) -> Self {
        Self {
            target,
            fields: None,
            filter: Filter::All(vec![]),
            sort: vec![],
            limit: DEFAULT_LIMIT,
            start: 0,
            with_rows: true,
            with_total: false,
        }
    }
}
