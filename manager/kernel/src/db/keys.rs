//! Ids of rows that refer to many others, in pieces: databases bound how many values one statement takes.

use cumulo_schema::{Cell, FieldKind, Uuid};
use sea_query::{Alias, Expr, ExprTrait, Query};

use super::{Db, DbError};

/// Values in one list of a statement. Full pieces share one prepared statement.
pub(crate) const CHUNK: usize = 1_000;

/// The column `key` of the rows of `table` that have one of `uuids` in `column`, in order. Rows without a key there are left out.
pub(crate) async fn keys_of(
    db: &Db,
    table: &'static str,
    key: &'static str,
    column: &'static str,
    uuids: &[Uuid],
) -> Result<Vec<Uuid>, DbError> {
    let unreadable = |cause| DbError::Unreadable { table, cause };
    // A piece of them lies close together in an index then, where a random one would touch a page for each.
    let mut uuids = uuids.to_vec();
    uuids.sort_unstable();
    let mut keys = Vec::new();
    for some in uuids.chunks(CHUNK) {
        let mut query = Query::select();
        query.column(Alias::new(key)).from(Alias::new(table));
        query.and_where(Expr::col(Alias::new(column)).is_in(some.iter().map(ToString::to_string)));
        for row in db.fetch(&query).await? {
            if let Cell::Text(text) = row.at(0, FieldKind::Uuid).map_err(unreadable)? {
                let uuid = <Uuid as cumulo_schema::FieldType>::from_cell(Cell::Text(text)).map_err(unreadable)?;
                keys.push(uuid);
            }
        }
    }
    keys.sort_unstable();
    Ok(keys)
}
