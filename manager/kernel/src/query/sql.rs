//! From a question to SQL.
//!
//! A condition through a join becomes `column IN (SELECT …)`: it asks whether there is one, so it never multiplies rows,
//! nests to any depth, and both databases turn it into an index lookup. Names come from declarations only and values are
//! always bound, so nothing a client writes becomes SQL text.

use cumulo_schema::{Cell, Collection, FieldKind, FieldMeta, ResourceMeta, Timestamp};
use cumulo_schema::{ErrorCode, FieldType};
use sea_query::{Alias, Cond, Expr, ExprTrait, LikeExpr, Order, Query, SelectStatement};

use super::{Filter, Op, Schema, Select, Target};
use crate::{bus::Caller, db::to_value};

/// Longest chain of joins in one condition: deeper than any sensible question, shallow enough for any stack.
const MAX_DEPTH: usize = 16;

/// Statements that answer a question.
pub(super) struct Plan {
    pub(super) page: Option<Page>,
    pub(super) count: Option<SelectStatement>,
}

/// One page of rows: what to select, and what each column is.
pub(super) struct Page {
    pub(super) target: Target,
    pub(super) query: SelectStatement,
    /// Columns in the order of the select list.
    pub(super) columns: Vec<&'static FieldMeta>,
}

pub(super) struct Planner<'s> {
    schema: &'s Schema,
}

impl<'s> Planner<'s> {
    pub(super) fn new(schema: &'s Schema) -> Self {
        Self { schema }
    }

    pub(super) fn plan(&self, caller: &Caller, select: &Select) -> Result<Plan, ErrorCode> {
        let target = self.narrowed(select);
        let mut condition = Cond::all().add(self.filter(target, &select.filter, 0)?);
        if let Some(visible) = visible(target, caller) {
            condition = condition.add(visible);
        }
        let base = |query: &mut SelectStatement| {
            from(query, target);
            query.cond_where(condition.clone());
        };
        let count = select.with_total.then(|| {
            let mut query = Query::select();
            query.expr(Expr::val(1).count());
            base(&mut query);
            query
        });
        let page = if select.with_rows {
            let (mut query, columns) = self.columns(target);
            base(&mut query);
            for sort in &select.sort {
                let (meta, field) = visible_field(target, &sort.field)?;
                query.order_by(
                    (table(meta), Alias::new(field.column)),
                    if sort.descending { Order::Desc } else { Order::Asc },
                );
            }
            query.order_by((table(target.root()), Alias::new(target.root().key().column)), Order::Asc);
            query.limit(select.limit).offset(select.start);
            Some(Page { target, query, columns })
        } else {
            None
        };
        Ok(Plan { page, count })
    }

    /// A condition `type = X` switches to the kind X, whose fields then are conditions too (wire.md §4).
    fn narrowed(&self, select: &Select) -> Target {
        let kind = match (&select.filter, select.target.type_field) {
            (Filter::All(all), Some(type_field)) => all.iter().find_map(|filter| match filter {
                Filter::Compare { path, op: Op::Eq, values } if path.len() == 1 && path[0] == type_field => {
                    self.schema.child_of_type(select.target, &values[0])
                }
                _ => None,
            }),
            _ => None,
        };
        self.schema.target(kind.unwrap_or(select.target))
    }

    fn columns(&self, target: Target) -> (SelectStatement, Vec<&'static FieldMeta>) {
        let mut query = Query::select();
        let mut columns = Vec::new();
        for meta in target.levels() {
            for field in meta.fields {
                let repeated_key = target.parent.is_some_and(|parent| parent.name != meta.name)
                    && field.column == target.root().key().column;
                if !repeated_key {
                    query.column((table(meta), Alias::new(field.column)));
                    columns.push(field);
                }
            }
        }
        (query, columns)
    }

    fn filter(&self, target: Target, filter: &Filter, depth: usize) -> Result<Cond, ErrorCode> {
        match filter {
            Filter::All(all) => {
                all.iter().try_fold(Cond::all(), |cond, filter| Ok(cond.add(self.filter(target, filter, depth)?)))
            }
            Filter::Any(any) if any.is_empty() => Ok(Cond::all().add(Expr::val(1).eq(0))),
            Filter::Any(any) => {
                any.iter().try_fold(Cond::any(), |cond, filter| Ok(cond.add(self.filter(target, filter, depth)?)))
            }
            Filter::Compare { path, op, values } => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                Ok(Cond::all().add(self.compare(target, &path, *op, values, depth, false)?))
            }
        }
    }

    fn compare(
        &self,
        target: Target,
        path: &[&str],
        op: Op,
        values: &[String],
        depth: usize,
        through_alias: bool,
    ) -> Result<Expr, ErrorCode> {
        if depth > MAX_DEPTH {
            return Err(ErrorCode::invalid(format!("a condition may join at most {MAX_DEPTH} resources deep")));
        }
        match path {
            [] => Err(ErrorCode::internal("a condition without a name")),
            [name] => self.on_name(target, name, op, values),
            [first, rest @ ..] => {
                if let Some(alias) = target.alias(first) {
                    let long: Vec<&str> = alias.path.split('.').chain(rest.iter().copied()).collect();
                    return self.compare(target, &long, op, values, depth + 1, true);
                }
                let expand = target
                    .expand(first)
                    .filter(|expand| through_alias || !expand.hidden)
                    .ok_or_else(|| self.unknown(target, first))?;
                let (meta, from_field) = target.field(expand.from).ok_or_else(|| self.unknown(target, expand.from))?;
                let resource = self.schema.resource(expand.resource).ok_or_else(|| self.unknown(target, first))?;
                let joined = self.schema.target(resource);
                let (to_meta, to_field) = joined.field(expand.to).ok_or_else(|| self.unknown(joined, expand.to))?;
                let mut inner = Query::select();
                inner.column((table(to_meta), Alias::new(to_field.column)));
                from(&mut inner, joined);
                // The hidden part of an alias may go on for several joins; a visible one ends it.
                inner.and_where(self.compare(joined, rest, op, values, depth + 1, through_alias)?);
                if to_field.nullable {
                    inner.and_where(Expr::col((table(to_meta), Alias::new(to_field.column))).is_not_null());
                }
                Ok(Expr::col((table(meta), Alias::new(from_field.column))).in_subquery(inner))
            }
        }
    }

    fn on_name(&self, target: Target, name: &str, op: Op, values: &[String]) -> Result<Expr, ErrorCode> {
        let key = (table(target.root()), Alias::new(target.root().key().column));
        match name {
            "__userTag__" => return tagged(key, "user_tag", op, values),
            "__systemTag__" => return tagged(key, "system_tag", op, values),
            _ => {}
        }
        let collection = target.levels().find_map(|meta| meta.collections.iter().find(|c| c.wire == name));
        if let Some(collection) = collection {
            return self.in_collection(target, key, collection, op, values);
        }
        let (meta, field) = visible_field(target, name).map_err(|_| self.unknown(target, name))?;
        on_column(Expr::col((table(meta), Alias::new(field.column))), field, op, values)
    }

    fn in_collection(
        &self,
        target: Target,
        key: (Alias, Alias),
        collection: &Collection,
        op: Op,
        values: &[String],
    ) -> Result<Expr, ErrorCode> {
        let unknown = || self.unknown(target, collection.wire);
        let meta = self.schema.resource(collection.resource).ok_or_else(unknown)?;
        let field = meta.field(collection.field).ok_or_else(unknown)?;
        let join = meta.field(collection.join).ok_or_else(unknown)?;
        let (op, none) = op.on_member();
        let mut inner = Query::select();
        inner.column((table(meta), Alias::new(join.column))).from(table(meta));
        inner.and_where(on_column(Expr::col((table(meta), Alias::new(field.column))), field, op, values)?);
        Ok(if none { Expr::col(key).not_in_subquery(inner) } else { Expr::col(key).in_subquery(inner) })
    }

    fn unknown(&self, target: Target, name: &str) -> ErrorCode {
        let fields = target.levels().flat_map(|meta| meta.fields).filter(|field| !field.hidden).map(|field| field.wire);
        let joins = target.levels().flat_map(|meta| meta.expands).filter(|e| !e.hidden).map(|expand| expand.name);
        let aliases = target.levels().flat_map(|meta| meta.aliases).map(|alias| alias.name);
        let collections = target.levels().flat_map(|meta| meta.collections).map(|collection| collection.wire);
        let nearest = fields.chain(joins).chain(aliases).chain(collections).min_by_key(|known| distance(known, name));
        let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean '{nearest}'?"));
        let name: String = name.chars().take(80).collect();
        ErrorCode::internal(format!("{} has no field '{name}' to query by{hint}", target.own.inventory))
    }
}

fn from(query: &mut SelectStatement, target: Target) {
    query.from(table(target.root()));
    if target.parent.is_some() {
        let (own, root) = (target.own, target.root());
        let on =
            Expr::col((table(own), Alias::new(own.key().column))).equals((table(root), Alias::new(root.key().column)));
        query.inner_join(table(own), on);
    }
}

fn table(meta: &ResourceMeta) -> Alias {
    Alias::new(meta.table)
}

fn visible(target: Target, caller: &Caller) -> Option<Expr> {
    if caller.is_admin() || !target.is_owned() {
        return None;
    }
    let mut mine = Query::select();
    mine.column(Alias::new("resource_uuid"))
        .from(Alias::new("account_resource_ref"))
        .and_where(Expr::col(Alias::new("account_uuid")).eq(caller.account.to_string()));
    Some(Expr::col((table(target.root()), Alias::new(target.root().key().column))).in_subquery(mine))
}

fn visible_field(target: Target, name: &str) -> Result<(&'static ResourceMeta, &'static FieldMeta), ErrorCode> {
    target.field(name).filter(|(_, field)| !field.hidden).ok_or_else(|| {
        let name: String = name.chars().take(80).collect();
        ErrorCode::internal(format!("{} has no field '{name}'", target.own.inventory))
    })
}

fn tagged(key: (Alias, Alias), tags: &'static str, op: Op, values: &[String]) -> Result<Expr, ErrorCode> {
    const TAG: FieldMeta = FieldMeta {
        wire: "tag",
        column: "tag",
        kind: FieldKind::String,
        nullable: false,
        hidden: false,
        indexed: true,
        unique: false,
        long: false,
        references: None,
    };
    let (op, none) = op.on_member();
    let mut inner = Query::select();
    inner.column(Alias::new("resource_uuid")).from(Alias::new(tags));
    inner.and_where(on_column(Expr::col(Alias::new("tag")), &TAG, op, values)?);
    Ok(if none { Expr::col(key).not_in_subquery(inner) } else { Expr::col(key).in_subquery(inner) })
}

fn on_column(column: Expr, field: &FieldMeta, op: Op, values: &[String]) -> Result<Expr, ErrorCode> {
    let cell = |text: &String| bound(field, text).map(to_value);
    let one = || values.first().ok_or_else(|| ErrorCode::invalid(format!("{} is compared with nothing", field.wire)));
    Ok(match op {
        Op::Eq => column.eq(Expr::val(cell(one()?)?)),
        Op::Ne => column.ne(Expr::val(cell(one()?)?)),
        Op::Gt => column.gt(Expr::val(cell(one()?)?)),
        Op::Ge => column.gte(Expr::val(cell(one()?)?)),
        Op::Lt => column.lt(Expr::val(cell(one()?)?)),
        Op::Le => column.lte(Expr::val(cell(one()?)?)),
        Op::Like => column.like(LikeExpr::new(one()?.as_str())),
        Op::NotLike => column.not_like(LikeExpr::new(one()?.as_str())),
        Op::In => column.is_in(values.iter().map(cell).collect::<Result<Vec<_>, _>>()?),
        Op::NotIn => column.is_not_in(values.iter().map(cell).collect::<Result<Vec<_>, _>>()?),
        Op::IsNull => column.is_null(),
        Op::NotNull => column.is_not_null(),
    })
}

/// The text a client wrote, as what the column holds.
fn bound(field: &FieldMeta, text: &str) -> Result<Cell, ErrorCode> {
    let refuse = |what: &str| {
        let text: String = text.chars().take(80).collect();
        ErrorCode::invalid(format!("field '{}' is {what}, which '{text}' is not", field.wire))
    };
    match field.kind {
        FieldKind::Uuid | FieldKind::String | FieldKind::Json => Ok(Cell::Text(text.to_owned())),
        FieldKind::Integer | FieldKind::Long => {
            text.trim().parse().map(Cell::Int).map_err(|_| refuse("a whole number"))
        }
        FieldKind::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true.to_cell()),
            "false" | "0" => Ok(false.to_cell()),
            _ => Err(refuse("true or false")),
        },
        FieldKind::Timestamp => {
            Timestamp::parse(text).map(|time| time.to_cell()).ok_or_else(|| refuse("a point in time"))
        }
    }
}

/// Levenshtein distance, for suggestions. Names are short; what a client wrote is cut.
fn distance(known: &str, given: &str) -> usize {
    let given: Vec<char> = given.chars().take(80).flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=given.len()).collect();
    for (i, k) in known.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, g) in given.iter().enumerate() {
            let substituted = diagonal + usize::from(k != *g);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[given.len()]
}
