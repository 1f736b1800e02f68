//! A statement ready to run: text and bound values. Values never become text.

use std::sync::Arc;

use cumulo_schema::{Cell, ErrorCode, ResourceMeta};
use sea_query::{MysqlQueryBuilder, QueryStatementWriter, SchemaStatementBuilder, SqliteQueryBuilder, Value, Values};

use super::{DbError, Verb};

/// Which database is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Embedded.
    Sqlite,
    /// MariaDB or MySQL.
    MySql,
}

impl Dialect {
    /// Builds a query for this dialect.
    #[must_use]
    pub fn build(self, query: &impl QueryStatementWriter) -> (String, Vec<Cell>) {
        let (sql, values) = match self {
            Dialect::Sqlite => query.build(SqliteQueryBuilder),
            Dialect::MySql => query.build(MysqlQueryBuilder),
        };
        (sql, to_cells(values))
    }

    /// What names stand between.
    pub(super) fn quote(self) -> char {
        match self {
            Dialect::Sqlite => '"',
            Dialect::MySql => '`',
        }
    }

    /// Builds a schema statement for this dialect.
    #[must_use]
    pub fn build_schema(self, statement: &impl SchemaStatementBuilder) -> String {
        match self {
            Dialect::Sqlite => statement.build(SqliteQueryBuilder),
            Dialect::MySql => statement.build(MysqlQueryBuilder),
        }
    }
}

/// A statement of a [`super::Batch`].
#[derive(Debug, Clone)]
pub struct Statement {
    pub(super) sql: Arc<str>,
    pub(super) args: Vec<Cell>,
    /// In words, for errors: `insert into zone`.
    pub(super) what: String,
    /// How many rows it must touch, and what it means when it does not.
    pub(super) expect: Option<(u64, Otherwise)>,
    /// What it does to rows of what, where that is declared.
    pub(super) target: Option<(Verb, &'static ResourceMeta)>,
}

/// What it means that a statement did not touch the rows it had to.
#[derive(Debug, Clone)]
pub(super) enum Otherwise {
    /// The world is not as the batch's author took it to be, who is told.
    Unmet(String),
    /// The batch asks for what may not be, and this is the answer.
    Refused(Box<ErrorCode>),
}

impl Statement {
    /// Passes on how many rows it touched, unless it had to touch another number.
    pub(super) fn expected(&self, touched: u64) -> Result<u64, DbError> {
        match &self.expect {
            Some((rows, otherwise)) if *rows != touched => Err(match otherwise {
                Otherwise::Unmet(what) => DbError::Unmet { what: what.clone() },
                Otherwise::Refused(error) => DbError::Refused(error.clone()),
            }),
            _ => Ok(touched),
        }
    }
}

/// Our cells as the query builder's values.
#[must_use]
pub fn to_value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::String(None),
        Cell::Int(number) => Value::BigInt(Some(number)),
        Cell::Text(text) => Value::String(Some(text)),
    }
}

/// The query builder's values as our cells. Only what we put in can come out.
///
/// # Panics
/// On a value kind that [`to_value`] never makes; a programming error.
#[must_use]
pub fn to_cells(values: Values) -> Vec<Cell> {
    let cell = |value| match value {
        Value::Bool(flag) => flag.map_or(Cell::Null, |flag| Cell::Int(i64::from(flag))),
        Value::Int(number) => number.map_or(Cell::Null, |number| Cell::Int(i64::from(number))),
        Value::BigInt(number) => number.map_or(Cell::Null, Cell::Int),
        Value::BigUnsigned(number) => {
            number.map_or(Cell::Null, |number| Cell::Int(i64::try_from(number).unwrap_or(i64::MAX)))
        }
        Value::String(text) => text.map_or(Cell::Null, Cell::Text),
        other => unreachable!("a statement binds only integers and texts, not {other:?}"),
    };
    values.into_iter().map(cell).collect()
}
