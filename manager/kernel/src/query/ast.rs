//! A question, independent of how it was written: Query APIs and ZQL make the same [`Select`], so that there is one place
//! where names are looked up, ownership is applied and SQL is made.

use std::fmt;

use cumulo_schema::ResourceMeta;

/// Rows answered when a client names no limit (wire.md §4).
pub(crate) const DEFAULT_LIMIT: u64 = 1000;

/// Where something stood in a text, both from 1, counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A name as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What stood between the dots: `["vmNics", "ip"]`.
    pub parts: Vec<String>,
    /// Where it began, if the question had a text to point into.
    pub place: Option<Place>,
}

impl Name {
    /// The name `dotted`, from nowhere in particular.
    #[must_use]
    pub fn new(dotted: &str) -> Self {
        Self { parts: dotted.split('.').map(str::to_owned).collect(), place: None }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("."))
    }
}

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
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them; an empty one always holds.
    All(Vec<Filter>),
    /// Any of them; an empty one never holds.
    Any(Vec<Filter>),
    /// A field, reached by a dotted path, compared with values.
    Compare {
        /// The field.
        path: Name,
        /// How.
        op: Op,
        /// None for null tests, one for most, any number for lists.
        values: Vec<String>,
    },
    /// What a path leads to has each of the values, not necessarily in one row.
    Has {
        /// The field.
        path: Name,
        /// The values.
        values: Vec<String>,
        /// Has none of them instead.
        none: bool,
    },
    /// A field is among what another question finds.
    Within {
        /// The field.
        path: Name,
        /// Is not among it instead.
        none: bool,
        /// The other question.
        query: Box<SubSelect>,
    },
    /// A field compared with a field of a joined resource.
    Match {
        /// One side.
        left: Name,
        /// How; a plain comparison.
        op: Op,
        /// The other side.
        right: Name,
    },
}

impl Filter {
    /// `field = value`.
    #[must_use]
    pub fn equals(field: &str, value: impl Into<String>) -> Self {
        Self::Compare { path: Name::new(field), op: Op::Eq, values: vec![value.into()] }
    }
}

/// A question inside a condition: the values of one field.
#[derive(Debug, Clone)]
pub struct SubSelect {
    /// What is asked for.
    pub target: &'static ResourceMeta,
    /// The field, which may be one of a resource that the target leads to.
    pub field: Name,
    /// Which rows.
    pub filter: Filter,
}

impl PartialEq for SubSelect {
    fn eq(&self, other: &Self) -> bool {
        self.target.name == other.target.name && self.field == other.field && self.filter == other.filter
    }
}

/// A condition on a resource that the target is connected with over any number of joins: the shortest way there is taken.
#[derive(Debug, Clone)]
pub struct Restriction {
    /// The other resource; `None` means the target itself.
    pub resource: Option<&'static ResourceMeta>,
    /// Its field.
    pub field: Name,
    /// How.
    pub op: Op,
    /// As in [`Filter::Compare`].
    pub values: Vec<String>,
}

/// How a joined row that is missing is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Rows of the target without one are dropped.
    Inner,
    /// Rows of the target without one stay.
    Left,
    /// Rows of the other side stay; since only rows of the target are answered, it finds what `Inner` finds.
    Right,
}

/// Another resource beside the target. A row of the target is answered once for each row that it is joined with.
#[derive(Debug, Clone)]
pub struct Join {
    /// What about rows without a counterpart.
    pub kind: JoinKind,
    /// The other resource.
    pub resource: &'static ResourceMeta,
    /// When a row belongs to a row.
    pub on: Filter,
}

/// Something computed from one field of one row, to order by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// An IPv4 address as a number.
    InetAton,
    /// In small letters.
    Lower,
    /// In capital letters.
    Upper,
    /// Number of characters.
    Length,
    /// Without its sign.
    Abs,
}

/// What an order looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// A field; of a question about groups, also a field that is summed up.
    Field(Name),
    /// Something computed from a field.
    Call(Scalar, Name),
    /// A field of the target that is not shown, by its name on the wire. No client can ask for one.
    Hidden(&'static str),
    /// How many rows a group has.
    GroupCount,
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// What is looked at.
    pub key: SortKey,
    /// From the greatest down.
    pub descending: bool,
}

/// Something computed from the rows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the functions' own names")]
pub enum Aggregate {
    Count,
    Sum,
    Min,
    Max,
    Avg,
}

/// One figure of each group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// What is computed.
    pub function: Aggregate,
    /// From which field; `None` counts rows.
    pub field: Option<Name>,
}

/// What is wanted of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The rows themselves; where there are groups, one of each.
    Rows,
    /// Only how many there are.
    Count,
    /// Figures of each group, or of all rows where there is none.
    Groups(Vec<Measure>),
}

/// A filter that a plugin brings, applied to the rows of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFilterCall {
    /// The driver's name.
    pub name: String,
    /// What it is told.
    pub condition: String,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Select {
    /// What is asked for.
    pub target: &'static ResourceMeta,
    /// What is wanted of it.
    pub answer: Answer,
    /// The members wanted in each inventory; `None` means all.
    pub fields: Option<Vec<String>>,
    /// Rows that look alike are one.
    pub distinct: bool,
    /// Other resources that conditions and orders speak of.
    pub joins: Vec<Join>,
    /// Which rows.
    pub filter: Filter,
    /// Which rows, by what they are connected with.
    pub restrict: Vec<Restriction>,
    /// Which rows of the page, by filters that SQL cannot express. They need the key among the fields.
    pub filters: Vec<RowFilterCall>,
    /// The fields that the rows of a group have in common.
    pub group_by: Vec<Name>,
    /// In which order; the key breaks ties, so that pages do not overlap.
    pub sort: Vec<Sort>,
    /// How many rows at most.
    pub limit: u64,
    /// How many to skip.
    pub start: u64,
    /// Go on after the row of this id. Costs the same on every page, unlike `start`.
    pub after: Option<String>,
    /// Answer how many there are, too.
    pub with_total: bool,
}

impl Select {
    /// All of `target`, up to the usual limit.
    #[must_use]
    pub fn of(target: &'static ResourceMeta) -> Self {
        Self {
            target,
            answer: Answer::Rows,
            fields: None,
            distinct: false,
            joins: vec![],
            filter: Filter::All(vec![]),
            restrict: vec![],
            filters: vec![],
            group_by: vec![],
            sort: vec![],
            limit: DEFAULT_LIMIT,
            start: 0,
            after: None,
            with_total: false,
        }
    }
}
