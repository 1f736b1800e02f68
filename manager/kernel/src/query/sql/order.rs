//! The order of rows, and going on after a row.

use cumulo_schema::{Cell, ErrorCode, FieldMeta};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

use super::{
    Planner,
    scalar::scalar,
    scope::{Scope, from},
};
use crate::{
    db::to_value,
    query::{Name, Select, Sort, SortKey, hint},
};

fn direction(sort: &Sort) -> Order {
    if sort.descending { Order::Desc } else { Order::Asc }
}

impl Planner<'_> {
    pub(super) fn order(&self, query: &mut SelectStatement, scope: &Scope, select: &Select) -> Result<(), ErrorCode> {
        let column = |name: &Name| -> Result<Expr, ErrorCode> {
            // A page of groups reads the target alone.
            let (side, parts) = if select.group_by.is_empty() { scope.split(name) } else { (scope.main, &*name.parts) };
            let (meta, field) = side.own_field(&Name { parts: parts.to_vec(), place: name.place })?;
            Ok(side.column(meta, field))
        };
        for sort in &select.sort {
            let expr = match &sort.key {
                SortKey::Field(name) => column(name)?,
                SortKey::Call(function, name) => scalar(*function, column(name)?),
                SortKey::Hidden(name) => {
                    let found = scope.main.target.field(name);
                    let (meta, field) = found.ok_or_else(|| hint::no_field(scope.main.target, &Name::new(name)))?;
                    scope.main.column(meta, field)
                }
                SortKey::GroupCount => {
                    return Err(ErrorCode::invalid("only 'count … group by' can be ordered by groupCount"));
                }
            };
            query.order_by_expr(expr, direction(sort));
        }
        let target = scope.main.target;
        if select.distinct {
            // The key is not among what differs; what is shown breaks its own ties.
            let fields = select.fields.as_deref().unwrap_or_default();
            for field in target.fields().filter(|field| fields.iter().any(|name| name == field.wire)) {
                let meta = super::owner(target, field);
                query.order_by_expr(scope.main.column(meta, field), Order::Asc);
            }
            return Ok(());
        }
        for field in target.identity() {
            query.order_by_expr(scope.main.column(target.root(), field), Order::Asc);
        }
        Ok(())
    }

    /// Asks for the row to go on after: its values of what the order looks at. `None` where nothing has to be asked.
    pub(in crate::query) fn anchor(
        &self,
        select: &Select,
    ) -> Result<Option<(SelectStatement, Vec<&'static FieldMeta>)>, ErrorCode> {
        let Some(after) = &select.after else { return Ok(None) };
        if select.sort.is_empty() {
            return Ok(None);
        }
        let scope = self.scope(select)?;
        let target = scope.main.target;
        let id = id(&scope)?;
        let mut query = Query::select();
        let mut fields = Vec::new();
        for sort in &select.sort {
            let SortKey::Field(name) = &sort.key else {
                return Err(ErrorCode::invalid("'after' goes with orders by plain fields only"));
            };
            let (meta, field) = scope.main.own_field(name)?;
            query.expr(scope.main.column(meta, field));
            fields.push(field);
        }
        from(&mut query, target);
        query.and_where(scope.main.column(target.root(), id).eq(after.as_str())).limit(1);
        if let Some(visible) = self.sight().of(target) {
            query.and_where(visible);
        }
        Ok(Some((query, fields)))
    }

    /// What holds of the rows that come after the anchor, whose values `cells` are.
    pub(super) fn after(&self, scope: &Scope, select: &Select, cells: &[Cell]) -> Result<Option<Expr>, ErrorCode> {
        let Some(after) = &select.after else { return Ok(None) };
        if select.distinct || !select.group_by.is_empty() || !select.joins.is_empty() {
            return Err(ErrorCode::invalid("'after' goes with plain rows only"));
        }
        let key = scope.main.column(scope.main.target.root(), id(scope)?);
        let mut later = key.gt(after.as_str());
        for (sort, cell) in select.sort.iter().zip(cells).rev() {
            let SortKey::Field(name) = &sort.key else { continue };
            let (meta, field) = scope.main.own_field(name)?;
            let column = || scope.main.column(meta, field);
            let value = || Expr::val(to_value(cell.clone()));
            // Both databases put NULL before everything.
            later = match (cell, sort.descending) {
                (Cell::Null, false) => column().is_not_null().or(column().is_null().and(later)),
                (Cell::Null, true) => column().is_null().and(later),
                (_, false) => column().gte(value()).and(column().gt(value()).or(later)),
                (_, true) if field.nullable => {
                    let less = column().lt(value()).or(column().is_null());
                    less.or(column().eq(value()).and(later))
                }
                (_, true) => column().lte(value()).and(column().lt(value()).or(later)),
            };
        }
        Ok(Some(later))
    }
}

fn id(scope: &Scope) -> Result<&'static FieldMeta, ErrorCode> {
    let target = scope.main.target;
    target.id().ok_or_else(|| ErrorCode::invalid(format!("{} has no id to go on after", target.own.inventory)))
}
