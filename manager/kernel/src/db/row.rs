//! Reading cells out of either driver's rows.

use cumulo_schema::{Cell, CellError, FieldKind, RowSource};
use sqlx::{Row, mysql::MySqlRow, sqlite::SqliteRow};

/// A row of a result.
#[derive(Debug)]
pub enum DbRow {
    /// From the embedded database.
    Sqlite(SqliteRow),
    /// From MariaDB or MySQL.
    MySql(MySqlRow),
}

impl DbRow {
    /// The cell at `index`, read as `kind`.
    ///
    /// # Errors
    /// When there is no such column or it holds something else.
    pub fn at(&self, index: usize, kind: FieldKind) -> Result<Cell, CellError> {
        match self {
            DbRow::Sqlite(row) => read(row, index, kind),
            DbRow::MySql(row) => read(row, index, kind),
        }
    }
}

impl RowSource for DbRow {
    fn cell(&self, column: &'static str, kind: FieldKind) -> Result<Cell, CellError> {
        match self {
            DbRow::Sqlite(row) => read(row, column, kind),
            DbRow::MySql(row) => read(row, column, kind),
        }
    }
}

fn read<R, I>(row: &R, index: I, kind: FieldKind) -> Result<Cell, CellError>
where
    R: Row,
    I: sqlx::ColumnIndex<R> + std::fmt::Debug + Copy,
    for<'r> i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let bad = |cause: sqlx::Error| CellError { expected: "readable column", found: format!("{index:?}: {cause}") };
    Ok(match kind {
        FieldKind::Integer | FieldKind::Long | FieldKind::Boolean | FieldKind::Timestamp => {
            row.try_get::<Option<i64>, _>(index).map_err(bad)?.map_or(Cell::Null, Cell::Int)
        }
        FieldKind::Uuid | FieldKind::String | FieldKind::Json => {
            row.try_get::<Option<String>, _>(index).map_err(bad)?.map_or(Cell::Null, Cell::Text)
        }
    })
}
