//! Figures of groups of rows: counts, sums, extremes, means.

use cumulo_schema::{ErrorCode, FieldKind, FieldMeta};
use sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};

use super::scope::Scope;
use crate::query::{Aggregate, Measure, Name, Select, SortKey, hint};

/// A statement that answers one row a group.
#[derive(Debug)]
pub(in crate::query) struct Groups {
    pub(in crate::query) query: SelectStatement,
    /// What the group has in common: the first columns.
    pub(in crate::query) keys: Vec<&'static FieldMeta>,
    /// The figures, one column each; of a mean the sum and the count, since the two databases divide differently.
    pub(in crate::query) figures: Vec<Figure>,
}

/// One figure.
#[derive(Debug, Clone, Copy)]
pub(in crate::query) struct Figure {
    pub(in crate::query) function: Aggregate,
    /// `None` where rows are counted.
    pub(in crate::query) field: Option<&'static FieldMeta>,
}

pub(super) fn groups(
    scope: &Scope,
    select: &Select,
    measures: &[Measure],
    base: &dyn Fn(&mut SelectStatement) -> Result<(), ErrorCode>,
) -> Result<Groups, ErrorCode> {
    let mut query = Query::select();
    let mut groups = Groups { query: Query::select(), keys: vec![], figures: vec![] };
    for name in &select.group_by {
        let (meta, field) = scope.main.own_field(name)?;
        let column = scope.main.column(meta, field);
        query.expr(column.clone()).add_group_by([column]);
        groups.keys.push(field);
    }
    for measure in measures {
        let figure = figure(scope, measure)?;
        query.expr(value(scope, figure));
        if figure.function == Aggregate::Avg {
            query.expr(value(scope, Figure { function: Aggregate::Count, ..figure }));
        }
        groups.figures.push(figure);
    }
    base(&mut query)?;
    for sort in &select.sort {
        let order = if sort.descending { Order::Desc } else { Order::Asc };
        query.order_by_expr(key(scope, &groups, &sort.key)?, order);
    }
    for field in &groups.keys {
        let meta = super::owner(scope.main.target, field);
        query.order_by_expr(scope.main.column(meta, field), Order::Asc);
    }
    if !select.group_by.is_empty() {
        query.limit(select.limit).offset(select.start);
    }
    groups.query = query;
    Ok(groups)
}

fn figure(scope: &Scope, measure: &Measure) -> Result<Figure, ErrorCode> {
    let function = measure.function;
    let Some(name) = &measure.field else { return Ok(Figure { function, field: None }) };
    let (_, field) = scope.main.own_field(name)?;
    let is_number = matches!(field.kind, FieldKind::Integer | FieldKind::Long | FieldKind::Boolean);
    if matches!(function, Aggregate::Sum | Aggregate::Avg) && !is_number {
        let text = format!("field '{}' is no number, so it has neither sum nor mean", field.wire);
        return Err(ErrorCode::invalid(format!("{text}{}", hint::at(name.place))));
    }
    Ok(Figure { function, field: Some(field) })
}

fn value(scope: &Scope, figure: Figure) -> Expr {
    let Some(field) = figure.field else { return Expr::val(1).count() };
    let column = scope.main.column(super::owner(scope.main.target, field), field);
    match figure.function {
        Aggregate::Count => column.count(),
        Aggregate::Min => column.min(),
        Aggregate::Max => column.max(),
        // MariaDB's sums are decimals; to SQLite the cast changes nothing.
        Aggregate::Sum | Aggregate::Avg => column.sum().cast_as(Alias::new("SIGNED")),
    }
}

/// What groups are ordered by: how many rows they have, what they have in common, or a figure by its field's name.
fn key(scope: &Scope, groups: &Groups, key: &SortKey) -> Result<Expr, ErrorCode> {
    let refuse = |name: &Name| {
        let known = groups.keys.iter().copied().chain(groups.figures.iter().filter_map(|figure| figure.field));
        let hint = hint::did_you_mean(&name.to_string(), known.map(|field| field.wire));
        let (given, at) = (hint::cut(&name.to_string()), hint::at(name.place));
        ErrorCode::invalid(format!("groups cannot be ordered by '{given}', which they do not have{at}{hint}"))
    };
    match key {
        SortKey::GroupCount => Ok(Expr::val(1).count()),
        SortKey::Call(_, name) => Err(refuse(name)),
        SortKey::Hidden(name) => Err(refuse(&Name::new(name))),
        SortKey::Field(name) => {
            let (meta, field) = scope.main.own_field(name)?;
            if let Some(figure) = groups.figures.iter().find(|f| f.field.is_some_and(|f| f.wire == field.wire)) {
                let column = scope.main.column(meta, field);
                return Ok(if figure.function == Aggregate::Avg { column.avg() } else { value(scope, *figure) });
            }
            if groups.keys.iter().any(|key| key.wire == field.wire) {
                return Ok(scope.main.column(meta, field));
            }
            Err(refuse(name))
        }
    }
}
