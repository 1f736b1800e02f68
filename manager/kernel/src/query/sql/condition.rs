//! Conditions: a field of the target or of what it is joined with, a collection, a tag, or a chain of declared joins that
//! ends in one of these.

use cumulo_schema::{Collection, ErrorCode, FieldKind, FieldMeta};
use sea_query::{Alias, Cond, Expr, ExprTrait, Query, SelectStatement};

use super::{
    MAX_DEPTH, Planner,
    scope::{Scope, Side, from},
    table, unknown,
};
use crate::query::{Filter, Name, Op, Restriction, SubSelect, hint, value, visibility};

/// Names under which every resource is asked for by its tags.
pub(in crate::query) const TAG_FIELDS: [&str; 3] = ["__userTag__", "__systemTag__", "__tagUuid__"];

/// What is asked of the field at the end of a path.
#[derive(Clone, Copy)]
enum Test<'a> {
    Values(Op, &'a [String]),
    /// Among what a sub-query finds, or not.
    Within(&'a SelectStatement, bool),
}

/// A test on its way down a path.
#[derive(Clone, Copy)]
struct Walk<'a> {
    test: Test<'a>,
    /// The name as it was written, for errors.
    whole: &'a Name,
    depth: usize,
    /// How many of the next joins may be hidden ones, because an alias or the kernel itself chose them.
    trusted: usize,
}

impl Planner<'_> {
    /// `depth` counts the selects around it.
    pub(super) fn filter(&self, scope: &Scope, filter: &Filter, depth: usize) -> Result<Cond, ErrorCode> {
        let all = |cond: Cond, part: &Filter| Ok(cond.add(self.filter(scope, part, depth)?));
        let one = |expr: Expr| Ok(Cond::all().add(expr));
        match filter {
            Filter::All(parts) => parts.iter().try_fold(Cond::all(), all),
            Filter::Any(parts) if parts.is_empty() => one(Expr::val(1).eq(0)),
            Filter::Any(parts) => parts.iter().try_fold(Cond::any(), all),
            Filter::Compare { path, op, values } => one(self.named(scope, path, Test::Values(*op, values), depth)?),
            Filter::Has { path, values, none } => self.has(scope, path, values, *none, depth),
            Filter::Within { path, none, query } => {
                let found = self.sub_select(query, depth + 1)?;
                one(self.named(scope, path, Test::Within(&found, *none), depth)?)
            }
            Filter::Match { left, op, right } => one(match_fields(scope, left, *op, right)?),
        }
    }

    /// A condition on what the target is connected with, however far away.
    pub(super) fn restriction(&self, scope: &Scope, restriction: &Restriction) -> Result<Expr, ErrorCode> {
        let Restriction { resource, field, op, values } = restriction;
        let target = scope.main.target;
        let way = match resource {
            None => vec![],
            Some(resource) => self.schema.way(target.own, resource).ok_or_else(|| {
                let text = format!("{} is not connected with {}", target.own.name, resource.name);
                ErrorCode::invalid(format!("{text}{}", hint::at(field.place)))
            })?,
        };
        let parts: Vec<String> = way.iter().map(|join| (*join).to_owned()).chain(field.parts.iter().cloned()).collect();
        let test = Test::Values(*op, values);
        self.walk(scope.main, &parts, Walk { test, whole: field, depth: 0, trusted: way.len() })
    }

    fn named(&self, scope: &Scope, path: &Name, test: Test<'_>, depth: usize) -> Result<Expr, ErrorCode> {
        let (side, parts) = scope.split(path);
        self.walk(side, parts, Walk { test, whole: path, depth, trusted: 0 })
    }

    fn walk(&self, side: Side, path: &[String], walk: Walk<'_>) -> Result<Expr, ErrorCode> {
        let Walk { test, whole, depth, trusted } = walk;
        let target = side.target;
        check_depth(depth)?;
        let (first, rest) = match path {
            [] => return Err(ErrorCode::internal("a condition without a name")),
            [name] => return self.at_end(side, name, test, whole),
            [first, rest @ ..] => (first, rest),
        };
        if let Some(alias) = target.alias(first) {
            let long: Vec<String> = alias.path.split('.').map(str::to_owned).chain(rest.iter().cloned()).collect();
            let trusted = trusted.saturating_sub(1) + alias.path.split('.').count();
            return self.walk(side, &long, Walk { trusted, ..walk });
        }
        let expand = target
            .expand(first)
            .filter(|expand| trusted > 0 || !expand.hidden)
            .ok_or_else(|| unknown(target, first, whole))?;
        let (meta, from_field) = target.field(expand.from).ok_or_else(|| unknown(target, expand.from, whole))?;
        let resource = self.schema.resource(expand.resource).ok_or_else(|| unknown(target, first, whole))?;
        visibility::check(self.schema, self.caller, resource)?;
        let joined = Side::main(self.schema.target(resource));
        let (to_meta, to_field) =
            joined.target.field(expand.to).ok_or_else(|| unknown(joined.target, expand.to, whole))?;
        let mut inner = Query::select();
        let to = joined.column(to_meta, to_field);
        inner.expr(to.clone());
        from(&mut inner, joined.target);
        let walk = Walk { depth: depth + 1, trusted: trusted.saturating_sub(1), ..walk };
        inner.and_where(self.walk(joined, rest, walk)?);
        if to_field.nullable {
            inner.and_where(to.is_not_null());
        }
        if let Some(visible) = self.sight().of(joined.target) {
            inner.and_where(visible);
        }
        Ok(side.column(meta, from_field).in_subquery(inner))
    }

    /// The last part of a path.
    fn at_end(&self, side: Side, name: &str, test: Test<'_>, whole: &Name) -> Result<Expr, ErrorCode> {
        let target = side.target;
        let field = target.field(name).filter(|(_, field)| !field.hidden);
        let (op, values) = match (test, field) {
            (Test::Within(found, none), Some((meta, field))) => {
                let (column, found) = (side.column(meta, field), found.clone());
                return Ok(if none { column.not_in_subquery(found) } else { column.in_subquery(found) });
            }
            (Test::Within(..), None) => return Err(unknown(target, name, whole)),
            (Test::Values(op, values), Some((meta, field))) => {
                return value::compare(side.column(meta, field), field, op, values);
            }
            (Test::Values(op, values), None) => (op, values),
        };
        let key = side.column(target.root(), target.root().key());
        match (name, target.collection(name)) {
            ("__userTag__", _) => tagged(side, key, ("user_tag", "tag"), op, values),
            ("__systemTag__", _) => tagged(side, key, ("system_tag", "tag"), op, values),
            ("__tagUuid__", _) => tagged(side, key, ("user_tag", "tag_pattern_uuid"), op, values),
            (_, Some(collection)) => self.in_collection(side, key, collection, op, values, whole),
            (_, None) => Err(unknown(target, name, whole)),
        }
    }

    fn in_collection(
        &self,
        side: Side,
        key: Expr,
        collection: &Collection,
        op: Op,
        values: &[String],
        whole: &Name,
    ) -> Result<Expr, ErrorCode> {
        let unknown = || unknown(side.target, collection.wire, whole);
        let meta = self.schema.resource(collection.resource).ok_or_else(unknown)?;
        let field = meta.field(collection.field).ok_or_else(unknown)?;
        let join = meta.field(collection.join).ok_or_else(unknown)?;
        let (op, none) = op.on_member();
        let mut inner = Query::select();
        inner.column((table(meta), Alias::new(join.column))).from(table(meta));
        inner.and_where(value::compare(Expr::col((table(meta), Alias::new(field.column))), field, op, values)?);
        if let Some(visible) = self.sight().of_rows(meta) {
            inner.and_where(visible);
        }
        Ok(if none { side.lacks(key, inner) } else { key.in_subquery(inner) })
    }

    fn has(&self, scope: &Scope, path: &Name, values: &[String], none: bool, depth: usize) -> Result<Cond, ErrorCode> {
        if !none {
            return values.chunks(1).try_fold(Cond::all(), |cond, value| {
                Ok(cond.add(self.named(scope, path, Test::Values(Op::Eq, value), depth)?))
            });
        }
        // By the key: "not" over a join whose foreign key is NULL would be neither true nor false.
        let (side, parts) = scope.split(path);
        let (target, own) = (side.target, Side::main(side.target));
        let key = target.id().ok_or_else(|| {
            let text = format!("{} has no id, so 'not has' cannot be asked of it", target.own.inventory);
            ErrorCode::invalid(format!("{text}{}", hint::at(path.place)))
        })?;
        let mut inner = Query::select();
        inner.expr(own.column(target.root(), key));
        from(&mut inner, target);
        let any = values.chunks(1).try_fold(Cond::any(), |cond, value| {
            let test = Test::Values(Op::Eq, value);
            Ok::<_, ErrorCode>(cond.add(self.walk(
                own,
                parts,
                Walk { test, whole: path, depth: depth + 1, trusted: 0 },
            )?))
        })?;
        inner.cond_where(any);
        Ok(Cond::all().add(side.lacks(side.column(target.root(), key), inner)))
    }

    /// The values that a sub-query finds; never NULL, which would make `not in` hold for nothing.
    fn sub_select(&self, query: &SubSelect, depth: usize) -> Result<SelectStatement, ErrorCode> {
        visibility::check(self.schema, self.caller, query.target)?;
        let mut side = Side::main(self.schema.target(query.target));
        let scope = Scope { main: side, joined: vec![] };
        let mut found: Option<(FieldMeta, SelectStatement)> = None;
        let Some((last, joins)) = query.field.parts.split_last() else {
            return Err(ErrorCode::internal("a sub-query without a field"));
        };
        check_depth(depth + joins.len())?;
        let mut condition = self.filter(&scope, &query.filter, depth + joins.len())?;
        // Down the path, one select inside the other.
        for part in joins {
            let expand = side.target.expand(part).filter(|expand| !expand.hidden);
            let expand = expand.ok_or_else(|| unknown(side.target, part, &query.field))?;
            let from_field = Name { parts: vec![expand.from.to_owned()], place: query.field.place };
            let select = self.values_of(side, &from_field, condition, found.take())?;
            let resource = self.schema.resource(expand.resource);
            let resource = resource.ok_or_else(|| unknown(side.target, part, &query.field))?;
            visibility::check(self.schema, self.caller, resource)?;
            side = Side::main(self.schema.target(resource));
            let to = side.target.field(expand.to).ok_or_else(|| unknown(side.target, expand.to, &query.field))?;
            found = Some((*to.1, select));
            condition = Cond::all();
        }
        let last = Name { parts: vec![last.clone()], place: query.field.place };
        self.values_of(side, &last, condition, found)
    }

    /// `SELECT field` of the visible rows of `side` under `condition`, and whose field is among what was `found` before.
    fn values_of(
        &self,
        side: Side,
        field: &Name,
        condition: Cond,
        found: Option<(FieldMeta, SelectStatement)>,
    ) -> Result<SelectStatement, ErrorCode> {
        let (meta, field) = side.own_field(field)?;
        let mut inner = Query::select();
        inner.expr(side.column(meta, field));
        from(&mut inner, side.target);
        inner.cond_where(condition);
        if let Some((to, select)) = found {
            let to_meta = side.target.field(to.wire).map_or(side.target.own, |(meta, _)| meta);
            inner.and_where(side.column(to_meta, &to).in_subquery(select));
        }
        if field.nullable {
            inner.and_where(side.column(meta, field).is_not_null());
        }
        if let Some(visible) = self.sight().of(side.target) {
            inner.and_where(visible);
        }
        Ok(inner)
    }
}

/// A longer chain is no question but an attack: each select costs the databases' own parsers, too.
fn check_depth(depth: usize) -> Result<(), ErrorCode> {
    if depth > MAX_DEPTH {
        let text = format!("joins and sub-queries may go at most {MAX_DEPTH} resources deep");
        return Err(ErrorCode::invalid(text));
    }
    Ok(())
}

/// `vmInstance.uuid = vmNic.vmInstanceUuid`.
fn match_fields(scope: &Scope, left: &Name, op: Op, right: &Name) -> Result<Expr, ErrorCode> {
    let column = |name: &Name| -> Result<Expr, ErrorCode> {
        let (side, parts) = scope.split(name);
        let field = Name { parts: parts.to_vec(), place: name.place };
        let (meta, field) = side.own_field(&field)?;
        Ok(side.column(meta, field))
    };
    let (left, right) = (column(left)?, column(right)?);
    Ok(match op {
        Op::Eq => left.eq(right),
        Op::Ne => left.ne(right),
        Op::Gt => left.gt(right),
        Op::Ge => left.gte(right),
        Op::Lt => left.lt(right),
        Op::Le => left.lte(right),
        _ => return Err(ErrorCode::invalid("two fields are compared by =, !=, >, >=, < or <=")),
    })
}

fn tagged(
    side: Side,
    key: Expr,
    (tags, column): (&'static str, &'static str),
    op: Op,
    values: &[String],
) -> Result<Expr, ErrorCode> {
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
        part_of: &[],
    };
    let (op, none) = op.on_member();
    let mut inner = Query::select();
    inner.column(Alias::new("resource_uuid")).from(Alias::new(tags));
    inner.and_where(value::compare(Expr::col(Alias::new(column)), &TAG, op, values)?);
    Ok(if none { side.lacks(key, inner) } else { key.in_subquery(inner) })
}
