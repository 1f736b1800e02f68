//! Writes that the stores of most resources make alike. What a resource does beyond them stands in its service's store.

use cumulo_schema::{Column, FieldType, Resource, Uuid};

use crate::{
    api::ApiCx,
    db::{Db, DbError},
};

/// Adds `row`, which `cx` creates, with its owner and tags.
///
/// # Errors
/// [`DbError::Conflict`] when it is there, [`DbError::Reference`] when something that it refers to is not.
pub async fn insert<R: Resource>(db: &Db, cx: &ApiCx, row: &R) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.insert(row);
    cx.created::<R>(&mut batch);
    db.commit(batch).await.map(drop)
}

/// Sets `column`, a state, of the `R` called `uuid`.
///
/// # Errors
/// [`DbError::Unmet`] when it is gone.
pub async fn set_state<R: Resource, S: FieldType>(
    db: &Db,
    uuid: Uuid,
    column: Column<R>,
    state: &S,
) -> Result<(), DbError> {
    let mut batch = db.batch();
    let update = batch.update::<R>().set(column, state).key_eq(&uuid);
    update.expect(format!("{} {uuid} was deleted in the meantime", R::META.name));
    db.commit(batch).await.map(drop)
}
