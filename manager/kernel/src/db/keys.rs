//! Rows that refer to many others, in pieces: databases bound how many values one statement takes. A table of hardly more rows
//! than that is read once from end to end instead, which costs a fraction of looking each of them up.

use cumulo_schema::{Cell, FieldKind, FieldType, Uuid};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

use super::{Db, DbError, row::DbRow};

/// Values in one list of a statement. Full pieces share one prepared statement.
pub(crate) const CHUNK: usize = 1_000;

/// So many rows cost less when read in order than one that is looked up.
const ROWS_FOR_ONE: usize = 4;

/// The column `key` of the rows of `table` that have one of `uuids` in `column`, in order. Rows without a key there are left out.
pub(crate) async fn keys_of(
    db: &Db,
    table: &'static str,
    key: &'static str,
    column: &'static str,
    uuids: &[Uuid],
) -> Result<Vec<Uuid>, DbError> {
    let mut keys = Vec::new();
    for row in rows_with(db, table, &[key], column, uuids).await? {
        keys.extend(uuid_at(&row, 0).map_err(|cause| DbError::Unreadable { table, cause })?);
    }
    keys.sort_unstable();
    Ok(keys)
}

/// The columns `wanted` of the rows of `table` that have one of `uuids` in `column`, in no order. A row may have more columns
/// after these.
pub(crate) async fn rows_with(
    db: &Db,
    table: &'static str,
    wanted: &[&'static str],
    column: &'static str,
    uuids: &[Uuid],
) -> Result<Vec<DbRow>, DbError> {
    let mut uuids = uuids.to_vec();
    uuids.sort_unstable();
    let read = |more: Option<&'static str>| {
        let mut query = Query::select();
        query.columns(wanted.iter().copied().chain(more).map(Alias::new)).from(Alias::new(table));
        query
    };
    if uuids.len() >= CHUNK && has_at_most(db, table, uuids.len() * ROWS_FOR_ONE).await? {
        let mut rows = db.fetch(&read(Some(column))).await?;
        let mut unreadable = None;
        rows.retain(|row| match uuid_at(row, wanted.len()) {
            Ok(uuid) => uuid.is_some_and(|uuid| uuids.binary_search(&uuid).is_ok()),
            Err(cause) => {
                unreadable = Some(DbError::Unreadable { table, cause });
                false
            }
        });
        return unreadable.map_or(Ok(rows), Err);
    }
    let mut rows = Vec::new();
    // A piece of them lies close together in an index, as they are sorted, where a random one would touch a page for each.
    for some in uuids.chunks(CHUNK) {
        let mut query: SelectStatement = read(None);
        query.and_where(Expr::col(Alias::new(column)).is_in(some.iter().map(ToString::to_string)));
        rows.extend(db.fetch(&query).await?);
    }
    Ok(rows)
}

async fn has_at_most(db: &Db, table: &'static str, count: usize) -> Result<bool, DbError> {
    let count = u64::try_from(count).unwrap_or(u64::MAX - 1);
    let mut query = Query::select();
    query.expr(Expr::val(1)).from(Alias::new(table)).limit(1).offset(count);
    Ok(db.fetch(&query).await?.is_empty())
}

fn uuid_at(row: &DbRow, at: usize) -> Result<Option<Uuid>, cumulo_schema::CellError> {
    match row.at(at, FieldKind::Uuid)? {
        Cell::Null => Ok(None),
        cell => Uuid::from_cell(cell).map(Some),
    }
}
