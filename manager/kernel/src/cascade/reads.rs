//! The reads that nearly every action needs, in pieces that every database takes.

use cumulo_schema::{Column, Resource, Uuid, system::AccountResourceRef};

use crate::db::{Db, DbError, keys_of};

/// Ids of the rows of `R` that have one of `uuids` in `column`.
///
/// # Errors
/// When the database fails.
pub async fn hanging_on<R: Resource>(db: &Db, column: Column<R>, uuids: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    keys_of(db, R::META.table, R::META.key().column, column.name, uuids).await
}

/// Ids of the resources of the kind `vo` that belong to `accounts`.
///
/// # Errors
/// When the database fails.
pub async fn owned_by(db: &Db, vo: &str, accounts: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let mut owned = Vec::new();
    for some in accounts.chunks(crate::db::CHUNK) {
        let rows = db
            .select::<AccountResourceRef>()
            .one_of(AccountResourceRef::ACCOUNT_UUID, some)
            .eq(AccountResourceRef::RESOURCE_TYPE, &vo.to_owned())
            .all()
            .await?;
        owned.extend(rows.iter().map(|row| row.resource_uuid));
    }
    Ok(owned)
}
