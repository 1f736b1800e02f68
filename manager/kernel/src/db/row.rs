//! Reading cells out of either driver's rows.

use std::sync::Arc;

use cumulo_schema::{Cell, CellError, FieldKind, FieldMeta, RowSource};
use rusqlite::types::Value;
use sqlx::{Row, TypeInfo, ValueRef, mysql::MySqlRow};

/// A row of a result.
#[derive(Debug)]
pub enum DbRow {
    /// From the embedded database.
    Sqlite {
        /// The names of the result's columns, shared by its rows.
        columns: Columns,
        /// A value a column.
        values: Vec<Value>,
    },
    /// From MariaDB or MySQL.
    MySql(MySqlRow),
}

/// The columns of a result.
#[derive(Debug, Clone)]
pub enum Columns {
    /// All those of a declaration, in its order.
    Declared(&'static [FieldMeta]),
    /// As the result calls them.
    Named(Arc<[String]>),
}

impl Columns {
    /// Where `column` is, which is the `at`th of its declaration.
    fn place(&self, at: usize, column: &'static str) -> Option<usize> {
        match self {
            Columns::Declared(fields) if fields.get(at).is_some_and(|field| field.column == column) => Some(at),
            Columns::Declared(fields) => fields.iter().position(|field| field.column == column),
            Columns::Named(names) => names.iter().position(|name| name == column),
        }
    }
}

impl DbRow {
    /// The cell at `index`, read as `kind`.
    ///
    /// # Errors
    /// When there is no such column or it holds something else.
    pub fn at(&self, index: usize, kind: FieldKind) -> Result<Cell, CellError> {
        match self {
            DbRow::Sqlite { values, .. } => {
                let value = values.get(index).ok_or_else(|| missing(&format!("{index}")))?;
                from_sqlite(value, kind)
            }
            DbRow::MySql(row) => from_mysql(row, index, kind),
        }
    }
}

impl RowSource for DbRow {
    fn cell(&self, at: usize, column: &'static str, kind: FieldKind) -> Result<Cell, CellError> {
        match self {
            DbRow::Sqlite { columns, values } => {
                let index = columns.place(at, column).ok_or_else(|| missing(column))?;
                from_sqlite(&values[index], kind)
            }
            DbRow::MySql(row) => from_mysql(row, column, kind),
        }
    }
}

fn missing(column: &str) -> CellError {
    CellError { expected: "readable column", found: format!("{column}: no such column in the result") }
}

fn is_number(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Integer | FieldKind::Long | FieldKind::Boolean | FieldKind::Timestamp)
}

fn from_sqlite(value: &Value, kind: FieldKind) -> Result<Cell, CellError> {
    match (value, is_number(kind)) {
        (Value::Null, _) => Ok(Cell::Null),
        (Value::Integer(number), true) => Ok(Cell::Int(*number)),
        (Value::Text(text), false) => Ok(Cell::Text(text.clone())),
        (other, number) => {
            let expected = if number { "number" } else { "text" };
            Err(CellError { expected, found: format!("{:?}", other.data_type()) })
        }
    }
}

fn from_mysql<I>(row: &MySqlRow, index: I, kind: FieldKind) -> Result<Cell, CellError>
where
    I: sqlx::ColumnIndex<MySqlRow> + std::fmt::Debug + Copy,
{
    let bad = |cause: sqlx::Error| CellError { expected: "readable column", found: format!("{index:?}: {cause}") };
    if is_number(kind) {
        // A sum of whole numbers is a DECIMAL here.
        let column = row.try_get_raw(index).map_err(bad)?;
        if !column.is_null() && column.type_info().name() == "DECIMAL" {
            let text: String = row.try_get_unchecked(index).map_err(bad)?;
            let number = text.parse().map_err(|_| CellError { expected: "whole number", found: text })?;
            return Ok(Cell::Int(number));
        }
        return Ok(row.try_get::<Option<i64>, _>(index).map_err(bad)?.map_or(Cell::Null, Cell::Int));
    }
    Ok(row.try_get::<Option<String>, _>(index).map_err(bad)?.map_or(Cell::Null, Cell::Text))
}
