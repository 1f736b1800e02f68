//! Who sees which rows: the declared rules of a resource as a condition. Every statement that reads rows for a client goes
//! through here, also inside joins, sub-queries, groups and nested lists: a row that an account may not see does not exist
//! for it, so nothing it asks can tell that it does.

use cumulo_schema::{ErrorCode, ResourceMeta, SeenBy, codes};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

use super::{Schema, Target};
use crate::bus::Caller;

/// The eyes of one caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'s> {
    schema: &'s Schema,
    caller: Caller,
}

impl<'s> Sight<'s> {
    pub(super) fn new(schema: &'s Schema, caller: Caller) -> Self {
        Self { schema, caller }
    }

    /// The declarations.
    pub(super) fn schema(self) -> &'s Schema {
        self.schema
    }

    /// What must hold for a row of `target`; `None` where every row is seen.
    pub(super) fn of(self, target: Target) -> Option<Expr> {
        self.rules(target.root().seen_by, target.root())
    }

    /// As [`Sight::of`], for rows of `meta`'s own table alone.
    pub(super) fn of_rows(self, meta: &'static ResourceMeta) -> Option<Expr> {
        self.rules(self.schema.target(meta).root().seen_by, meta)
    }

    fn rules(self, rules: &[SeenBy], meta: &ResourceMeta) -> Option<Expr> {
        if self.caller.is_admin() || rules.contains(&SeenBy::All) {
            return None;
        }
        let any = rules.iter().map(|rule| self.rule(*rule, meta)).reduce(|one, other| one.or(other));
        Some(any.unwrap_or_else(nobody))
    }

    fn rule(self, rule: SeenBy, meta: &ResourceMeta) -> Expr {
        // A rule on a field that is not declared shows nothing; the test of the declarations finds it.
        let column = |wire| meta.field(wire).map(|field| column(meta, field.column));
        let holds = match rule {
            SeenBy::All => Some(Expr::val(1).eq(1)),
            SeenBy::Account(field) => column(field).map(|column| column.eq(self.account())),
            SeenBy::Owner(field) => column(field).map(|column| column.in_subquery(self.owned())),
            SeenBy::User(field) => column(field).map(|column| self.usable(&column)),
            SeenBy::UserOf { resource, field } => self.user_of(meta, resource, field),
            SeenBy::Flag(field) => column(field).map(|column| column.eq(1)),
        };
        holds.unwrap_or_else(nobody)
    }

    fn user_of(self, meta: &ResourceMeta, resource: &str, field: &str) -> Option<Expr> {
        let other = self.schema.resource(resource)?;
        let named = other.field(field)?;
        let mut naming = Query::select();
        naming.expr(column(other, named.column)).from(Alias::new(other.table));
        naming.and_where(self.usable(&column(other, other.key().column)));
        if named.nullable {
            naming.and_where(column(other, named.column).is_not_null());
        }
        Some(column(meta, meta.key().column).in_subquery(naming))
    }

    /// `column` holds something that the caller owns or that is shared with it.
    fn usable(self, column: &Expr) -> Expr {
        column.clone().in_subquery(self.owned()).or(column.clone().in_subquery(self.shared()))
    }

    fn owned(self) -> SelectStatement {
        let mut owned = Query::select();
        owned
            .column(Alias::new("resource_uuid"))
            .from(Alias::new("account_resource_ref"))
            .and_where(Expr::col(Alias::new("account_uuid")).eq(self.account()));
        owned
    }

    fn shared(self) -> SelectStatement {
        let to_me = Expr::col(Alias::new("receiver_account_uuid")).eq(self.account());
        let mut shared = Query::select();
        shared
            .column(Alias::new("resource_uuid"))
            .from(Alias::new("shared_resource"))
            .and_where(to_me.or(Expr::col(Alias::new("to_public")).eq(1)));
        shared
    }

    fn account(self) -> String {
        self.caller.account.to_string()
    }
}

fn column(meta: &ResourceMeta, name: &'static str) -> Expr {
    Expr::col((Alias::new(meta.table), Alias::new(name)))
}

fn nobody() -> Expr {
    Expr::val(1).eq(0)
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
