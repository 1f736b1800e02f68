//! From a question to SQL.
//!
//! A condition through a join becomes `column IN (SELECT …)`: it asks whether there is one, so it never multiplies rows,
//! nests to any depth, and both databases turn it into an index lookup. Names come from declarations only and values are
//! always bound, so nothing a client writes becomes SQL text.

mod condition;
mod group;
mod order;
mod scalar;
mod scope;

use cumulo_schema::{Cell, ErrorCode, FieldMeta, ResourceMeta};
use sea_query::{Alias, Asterisk, Cond, Expr, ExprTrait, Query, SelectStatement};

pub(super) use condition::TAG_FIELDS;
pub(super) use group::{Figure, Groups};

use super::{
    Answer, Filter, Op, Schema, Select, Target, hint,
    visibility::{self, Sight},
};
use crate::bus::Caller;
use scope::{Scope, Side, from};

/// Most selects around one another: deeper than any sensible question, shallow enough for any stack.
const MAX_DEPTH: usize = 16;
/// Most comparisons in one question. SQLite refuses expressions that nest a thousand deep, and a chain of ANDs nests.
pub(super) const MAX_COMPARISONS: usize = 500;
/// Most values in one question: both databases take more, and whoever has as many wants a sub-query.
const MAX_VALUES: usize = 20_000;

/// Statements that answer a question.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) page: Option<Page>,
    pub(super) groups: Option<Groups>,
    pub(super) count: Option<SelectStatement>,
}

/// One page of rows: what to select, and what each column is.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) target: Target,
    pub(super) query: SelectStatement,
    /// Columns in the order of the select list.
    pub(super) columns: Vec<&'static FieldMeta>,
}

pub(super) struct Planner<'s> {
    schema: &'s Schema,
    caller: &'s Caller,
}

impl<'s> Planner<'s> {
    pub(super) fn new(schema: &'s Schema, caller: &'s Caller) -> Self {
        Self { schema, caller }
    }

    fn sight(&self) -> Sight<'s> {
        Sight::new(self.schema, *self.caller)
    }

    /// The statements for `select`. `anchor` holds the cells of the row that [`Planner::anchor`] asks for, if it asks.
    pub(super) fn plan(&self, select: &Select, anchor: &[Cell]) -> Result<Plan, ErrorCode> {
        check_size(select)?;
        let scope = self.scope(select)?;
        let mut condition = Cond::all();
        if !is_nothing(&select.filter) {
            condition = condition.add(self.filter(&scope, &select.filter, 0)?);
        }
        for restriction in &select.restrict {
            condition = condition.add(self.restriction(&scope, restriction)?);
        }
        if let Some(visible) = self.sight().of(scope.main.target) {
            condition = condition.add(visible);
        }
        let base = |query: &mut SelectStatement| -> Result<(), ErrorCode> {
            from(query, scope.main.target);
            self.join(query, &scope, &select.joins)?;
            // Without a condition the database counts without looking at rows.
            if !condition.is_empty() {
                query.cond_where(condition.clone());
            }
            Ok(())
        };
        let mut plan = Plan::default();
        if select.with_total || select.answer == Answer::Count {
            plan.count = Some(count(select, scope.main.target, &base)?);
        }
        match &select.answer {
            Answer::Rows => {
                let mut page = self.page(&scope, select, &base)?;
                self.order(&mut page.query, &scope, select)?;
                if let Some(after) = self.after(&scope, select, anchor)? {
                    page.query.cond_where(after);
                }
                page.query.limit(select.limit).offset(select.start);
                plan.page = Some(page);
            }
            Answer::Groups(measures) => plan.groups = Some(group::groups(&scope, select, measures, &base)?),
            Answer::Count => {}
        }
        Ok(plan)
    }

    fn scope(&self, select: &Select) -> Result<Scope, ErrorCode> {
        let target = self.narrowed(select);
        visibility::check(self.schema, self.caller, target.own)?;
        let mut scope = Scope { main: Side::main(target), joined: Vec::new() };
        for join in &select.joins {
            visibility::check(self.schema, self.caller, join.resource)?;
            let side = Side::joined(self.schema.target(join.resource), self.sight());
            if scope.sides().any(|other| other.target.root().name == side.target.root().name) {
                let name = join.resource.name;
                return Err(ErrorCode::invalid(format!(
                    "{name} is joined with itself or twice, which is not possible"
                )));
            }
            scope.joined.push(side);
        }
        Ok(scope)
    }

    /// A condition `type = X` switches to the kind X, whose fields then are conditions too (wire.md §4).
    fn narrowed(&self, select: &Select) -> Target {
        let kind = |filter: &Filter| match (filter, select.target.type_field) {
            (Filter::Compare { path, op: Op::Eq, values }, Some(type_field)) if path.parts == [type_field] => {
                values.first().and_then(|value| self.schema.child_of_type(select.target, value))
            }
            _ => None,
        };
        let narrow = match &select.filter {
            Filter::All(all) => all.iter().find_map(kind),
            one => kind(one),
        };
        self.schema.target(narrow.unwrap_or(select.target))
    }

    /// The rows themselves, without order and limit.
    fn page(
        &self,
        scope: &Scope,
        select: &Select,
        base: &dyn Fn(&mut SelectStatement) -> Result<(), ErrorCode>,
    ) -> Result<Page, ErrorCode> {
        let target = scope.main.target;
        let wanted = select.fields.as_deref();
        let columns = match wanted {
            Some(wanted) if select.distinct => target
                .fields()
                .filter(|field| wanted.iter().any(|name| name == field.wire))
                .map(|field| (owner(target, field), field))
                .collect(),
            _ => self.needed(target, wanted),
        };
        let mut query = Query::select();
        if select.distinct {
            query.distinct();
        }
        for (meta, field) in &columns {
            query.column((table(meta), Alias::new(field.column)));
        }
        if select.group_by.is_empty() {
            base(&mut query)?;
        } else {
            // One row of each group, always the same one.
            let id = target.id().ok_or_else(|| {
                let name = target.own.inventory;
                ErrorCode::invalid(format!("{name} has no id to tell groups apart by; use 'count … group by'"))
            })?;
            let key = (table(target.root()), Alias::new(id.column));
            let mut first = Query::select();
            first.expr(Expr::col(key.clone()).min());
            base(&mut first)?;
            for name in &select.group_by {
                let (meta, field) = scope.main.own_field(name)?;
                first.group_by_col((table(meta), Alias::new(field.column)));
            }
            from(&mut query, target);
            query.and_where(Expr::col(key).in_subquery(first));
        }
        Ok(Page { target, query, columns: columns.into_iter().map(|(_, field)| field).collect() })
    }

    /// The columns without which `wanted` cannot be shown: the fields themselves, and those that lists hang on.
    fn needed(&self, target: Target, wanted: Option<&[String]>) -> Vec<(&'static ResourceMeta, &'static FieldMeta)> {
        let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|field| field == name));
        let lists: Vec<&str> = target
            .levels()
            .flat_map(|meta| {
                let nested = meta.nested.iter().filter(|nested| is_wanted(nested.wire)).map(|nested| nested.from);
                let collected = meta.collections.iter().filter(|c| is_wanted(c.wire)).map(|_| meta.key().wire);
                nested.chain(collected)
            })
            .collect();
        // What a kind declares beyond the common fields is read by key, where the type says so.
        let kinds = super::render::wants_kinds(self.schema, target, wanted);
        let for_kinds = |field: &FieldMeta| {
            kinds && (field.wire == target.root().key().wire || target.root().type_field == Some(field.wire))
        };
        let repeated = |meta: &ResourceMeta, field: &FieldMeta| {
            target.parent.is_some_and(|parent| parent.name != meta.name && parent.key().column == field.column)
        };
        let all = target.levels().flat_map(|meta| meta.fields.iter().map(move |field| (meta, field)));
        let mut needed: Vec<_> = all
            .filter(|(meta, field)| !repeated(meta, field))
            .filter(|(_, field)| {
                (!field.hidden && is_wanted(field.wire)) || lists.contains(&field.wire) || for_kinds(field)
            })
            .collect();
        if needed.is_empty() {
            needed.push((target.root(), target.root().key()));
        }
        needed
    }
}

/// The resource whose table holds `field`.
fn owner(target: Target, field: &FieldMeta) -> &'static ResourceMeta {
    target.field(field.wire).map_or(target.own, |(meta, _)| meta)
}

/// How many rows there are, or how many different ones.
fn count(
    select: &Select,
    target: Target,
    base: &dyn Fn(&mut SelectStatement) -> Result<(), ErrorCode>,
) -> Result<SelectStatement, ErrorCode> {
    let mut query = Query::select();
    query.expr(Expr::col(Asterisk).count());
    let fields = select.fields.as_deref().filter(|_| select.distinct);
    let Some(fields) = fields else {
        base(&mut query)?;
        return Ok(query);
    };
    let mut different = Query::select();
    different.distinct();
    for field in target.fields().filter(|field| fields.iter().any(|name| name == field.wire)) {
        different.column((table(owner(target, field)), Alias::new(field.column)));
    }
    base(&mut different)?;
    query.from_subquery(different, Alias::new("different"));
    Ok(query)
}

/// Whether every row satisfies `filter`.
fn is_nothing(filter: &Filter) -> bool {
    matches!(filter, Filter::All(parts) if parts.iter().all(is_nothing))
}

fn table(meta: &ResourceMeta) -> Alias {
    Alias::new(meta.table)
}

/// Refuses a question that is too large for the database, before any work is spent on it.
fn check_size(select: &Select) -> Result<(), ErrorCode> {
    fn measure(filter: &Filter) -> (usize, usize) {
        match filter {
            Filter::All(parts) | Filter::Any(parts) => parts.iter().map(measure).fold((0, 0), add),
            Filter::Compare { values, .. } => (1, values.len()),
            Filter::Has { values, .. } => (values.len(), values.len()),
            Filter::Within { query, .. } => add((1, 0), measure(&query.filter)),
            Filter::Match { .. } => (1, 0),
        }
    }
    fn add(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
        (a.0 + b.0, a.1 + b.1)
    }
    let restrictions = (select.restrict.len(), select.restrict.iter().map(|one| one.values.len()).sum());
    let joins = select.joins.iter().map(|join| measure(&join.on)).fold((0, 0), add);
    let (comparisons, values) = add(add(measure(&select.filter), restrictions), joins);
    if comparisons > MAX_COMPARISONS {
        let text = format!("a question may hold at most {MAX_COMPARISONS} comparisons, not {comparisons}; use a list");
        return Err(ErrorCode::invalid(text));
    }
    if values > MAX_VALUES {
        let text = format!("a question may hold at most {MAX_VALUES} values, not {values}; use a sub-query");
        return Err(ErrorCode::invalid(text));
    }
    Ok(())
}

/// A name that is none of `target`'s.
fn unknown(target: Target, part: &str, whole: &super::Name) -> ErrorCode {
    hint::unknown(target, part, whole)
}
