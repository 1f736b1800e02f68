//! What belongs to accounts, for the cascade of their deletion.

use cumulo_kernel::db::{Db, DbError};
use cumulo_schema::{Resource, Uuid, system::AccountResourceRef};

/// The `R`s that belong to one of `accounts`.
pub(crate) async fn owned_by<R: Resource>(db: &Db, accounts: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let owned = db.select::<AccountResourceRef>().one_of(AccountResourceRef::ACCOUNT_UUID, accounts);
    let owned = owned.eq(AccountResourceRef::RESOURCE_TYPE, &R::META.vo.to_owned()).all().await?;
    Ok(owned.iter().map(|owned| owned.resource_uuid).collect())
}
