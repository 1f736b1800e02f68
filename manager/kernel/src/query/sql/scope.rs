//! The tables that one `SELECT` reads, and which of them a name speaks of.

use cumulo_schema::{ErrorCode, FieldMeta, ResourceMeta};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement};

use super::{Planner, table};
use crate::query::{Join, JoinKind, Name, Target, hint, visibility::Sight};

/// One resource in a `FROM`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) target: Target,
    /// Read through a sub-query that carries the own table's name: a kind with its parent, or only the visible rows.
    derived: bool,
    /// It is joined, so that there may be no row of it.
    joined: bool,
}

impl Side {
    /// What is asked for.
    pub(super) fn main(target: Target) -> Self {
        Self { target, derived: false, joined: false }
    }

    /// What is joined to it, as `sight` shows it.
    pub(super) fn joined(target: Target, sight: Sight<'_>) -> Self {
        let derived = target.parent.is_some() || sight.of(target).is_some();
        Self { target, derived, joined: true }
    }

    /// That `found` does not find `key`, the row's own. A row that is not there has nothing at all.
    pub(super) fn lacks(self, key: Expr, found: SelectStatement) -> Expr {
        match self.joined {
            true => key.clone().is_null().or(key.not_in_subquery(found)),
            false => key.not_in_subquery(found),
        }
    }

    /// The column of `field`, which is declared by `meta`.
    pub(super) fn column(self, meta: &ResourceMeta, field: &FieldMeta) -> Expr {
        let table = if self.derived { table(self.target.own) } else { table(meta) };
        Expr::col((table, Alias::new(field.column)))
    }

    /// The field called `name`, which must be one that is shown.
    pub(super) fn own_field(self, name: &Name) -> Result<(&'static ResourceMeta, &'static FieldMeta), ErrorCode> {
        let found = match name.parts.as_slice() {
            [field] => self.target.field(field),
            _ => None,
        };
        found.filter(|(_, field)| !field.hidden).ok_or_else(|| hint::no_field(self.target, name))
    }

    fn is_called(self, name: &str) -> bool {
        let inventory = self.target.own.inventory;
        let entity = inventory.strip_suffix("Inventory").unwrap_or(inventory);
        entity.eq_ignore_ascii_case(name) || self.target.own.name.eq_ignore_ascii_case(name)
    }
}

/// The target and what is joined to it.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) main: Side,
    pub(super) joined: Vec<Side>,
}

impl Scope {
    pub(super) fn sides(&self) -> impl Iterator<Item = Side> + '_ {
        [self.main].into_iter().chain(self.joined.iter().copied())
    }

    /// Whom `name` speaks of, and what is left of it. A joined resource hides a join of the same name that the target
    /// declares: whoever wrote it into the question means it.
    pub(super) fn split<'n>(&self, name: &'n Name) -> (Side, &'n [String]) {
        let parts = name.parts.as_slice();
        let Some((first, rest)) = parts.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            return (self.main, parts);
        };
        let target = self.main.target;
        let declared = || target.expand(first).is_some() || target.alias(first).is_some();
        let joined = self.joined.iter().find(|side| side.is_called(first));
        match joined {
            Some(side) => (*side, rest),
            None if self.main.is_called(first) && !declared() => (self.main, rest),
            None => (self.main, parts),
        }
    }
}

/// `FROM` the target's tables.
pub(super) fn from(query: &mut SelectStatement, target: Target) {
    query.from(table(target.root()));
    if target.parent.is_some() {
        let (own, root) = (target.own, target.root());
        let on =
            Expr::col((table(own), Alias::new(own.key().column))).equals((table(root), Alias::new(root.key().column)));
        query.inner_join(table(own), on);
    }
}

impl Planner<'_> {
    /// Adds the joins that the question itself names.
    pub(super) fn join(&self, query: &mut SelectStatement, scope: &Scope, joins: &[Join]) -> Result<(), ErrorCode> {
        for (join, side) in joins.iter().zip(&scope.joined) {
            let on = self.filter(scope, &join.on, 0)?;
            let kind = match join.kind {
                JoinKind::Left => JoinType::LeftJoin,
                JoinKind::Inner | JoinKind::Right => JoinType::InnerJoin,
            };
            if side.derived {
                query.join_subquery(kind, self.seen(side.target), table(side.target.own), on);
            } else {
                query.join(kind, table(side.target.own), on);
            }
        }
        Ok(())
    }

    /// All columns of the rows of `target` that the caller sees.
    fn seen(&self, target: Target) -> SelectStatement {
        let mut query = Query::select();
        for meta in target.levels() {
            for field in meta.fields {
                let repeated = target.parent.is_some_and(|p| p.name != meta.name && p.key().column == field.column);
                if !repeated {
                    query.column((table(meta), Alias::new(field.column)));
                }
            }
        }
        from(&mut query, target);
        if let Some(visible) = self.sight().of(target) {
            query.and_where(visible);
        }
        query
    }
}
