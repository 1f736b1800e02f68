//! Who sees which rows. Every statement that reads rows for a client goes through here, also inside joins, sub-queries
//! and groups: a row that an account may not see does not exist for it, so nothing it asks can tell that it does.

use cumulo_schema::{ErrorCode, Resource, ResourceMeta, codes, system};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

use super::{Schema, Target};
use crate::bus::Caller;

/// The condition under which `caller` sees a row of `target`, whose columns are those of the tables called as declared;
/// `None` where it sees all.
pub(super) fn visible(target: Target, caller: &Caller) -> Option<Expr> {
    if caller.is_admin() {
        return None;
    }
    let column = |name: &'static str| Expr::col((Alias::new(target.root().table), Alias::new(name)));
    let name = target.root().name;
    if name == system::AccountResourceRef::META.name {
        return Some(column(system::AccountResourceRef::ACCOUNT_UUID.name).eq(caller.account.to_string()));
    }
    // A tag is seen with what it is on.
    if name == system::SystemTag::META.name || name == system::UserTag::META.name {
        return Some(column(system::SystemTag::RESOURCE_UUID.name).in_subquery(mine(caller)));
    }
    target.is_owned().then(|| column(target.root().key().column).in_subquery(mine(caller)))
}

/// The ids of what belongs to the caller.
fn mine(caller: &Caller) -> SelectStatement {
    let mut mine = Query::select();
    mine.column(Alias::new("resource_uuid"))
        .from(Alias::new("account_resource_ref"))
        .and_where(Expr::col(Alias::new("account_uuid")).eq(caller.account.to_string()));
    mine
}

/// Whether `caller` may ask for `meta` at all.
///
/// # Errors
/// ID.1002 when only the admin may.
pub(super) fn check(schema: &Schema, caller: &Caller, meta: &ResourceMeta) -> Result<(), ErrorCode> {
    if caller.is_admin() || !schema.is_admin_only(meta) {
        return Ok(());
    }
    let text = format!("{} may be asked for by the admin account only", meta.inventory);
    Err(ErrorCode::new(codes::PERMISSION_DENIED, text))
}
