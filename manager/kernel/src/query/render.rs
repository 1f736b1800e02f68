//! From rows to inventories.
//!
//! Nested lists are read with one statement per list and page, not per row, and hang on the rows by their join field.

use std::collections::HashMap;

use cumulo_schema::{Cell, CellError, ErrorCode, FieldKind, FieldMeta, Nested, ResourceMeta, Timestamp};
use futures::future::BoxFuture;
use sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use serde_json::{Map, Value};

use super::{
    Aggregate, Group, Schema, Target,
    sql::{Figure, Groups, Page},
    visibility::Sight,
};
use crate::db::{Db, DbError, DbRow};

/// Uuids per `IN (…)`: far under SQLite's limit of bound values.
const CHUNK: usize = 1000;

pub(super) async fn count(db: &Db, query: &SelectStatement) -> Result<u64, ErrorCode> {
    let rows = db.fetch(query).await?;
    match rows.first().map(|row| row.at(0, FieldKind::Long)) {
        Some(Ok(Cell::Int(count))) => Ok(u64::try_from(count).unwrap_or(0)),
        _ => Err(ErrorCode::internal("the database did not count")),
    }
}

/// The figures of each group.
pub(super) async fn groups(db: &Db, table: &'static str, groups: &Groups) -> Result<Vec<Group>, ErrorCode> {
    let rows = db.fetch(&groups.query).await?;
    let group = |row: &DbRow| -> Result<Group, CellError> {
        let mut group = Group::default();
        let mut index = 0;
        let mut next = |kind| {
            index += 1;
            row.at(index - 1, kind)
        };
        for field in &groups.keys {
            group.key.insert(field.wire.to_owned(), shown(field, next(field.kind)?)?.unwrap_or_default());
        }
        for figure in &groups.figures {
            group.figures.push(read_figure(*figure, &mut next)?);
        }
        Ok(group)
    };
    let groups: Result<_, CellError> = rows.iter().map(group).collect();
    groups.map_err(|cause| DbError::Unreadable { table, cause }.into())
}

fn read_figure(figure: Figure, next: &mut dyn FnMut(FieldKind) -> Result<Cell, CellError>) -> Result<Value, CellError> {
    match (figure.function, figure.field) {
        (Aggregate::Min | Aggregate::Max, Some(field)) => Ok(shown(field, next(field.kind)?)?.unwrap_or_default()),
        (Aggregate::Avg, _) => Ok(match (next(FieldKind::Long)?, next(FieldKind::Long)?) {
            (Cell::Int(sum), Cell::Int(count)) if count != 0 => {
                #[expect(clippy::cast_precision_loss, reason = "a mean is not exact")]
                let mean = sum as f64 / count as f64;
                Value::from(mean)
            }
            _ => Value::Null,
        }),
        _ => Ok(match next(FieldKind::Long)? {
            Cell::Int(number) => Value::from(number),
            _ => Value::Null,
        }),
    }
}

/// Whether what the kinds of `target` declare beyond its own fields is to be shown.
pub(super) fn wants_kinds(schema: &Schema, target: Target, wanted: Option<&[String]>) -> bool {
    let only_own = wanted.is_some_and(|wanted| wanted.iter().all(|name| target.field(name).is_some()));
    target.parent.is_none() && !only_own && !schema.children(target.own).is_empty()
}

/// A row: what the client sees, and the join fields that it may not.
struct Record {
    shown: Map<String, Value>,
    /// A few, so they are looked for one after the other.
    hidden: Vec<(&'static str, Cell)>,
}

impl Record {
    /// The text that it is joined by.
    fn join(&self, name: &str) -> Option<&str> {
        match self.shown.get(name) {
            Some(Value::String(text)) => Some(text),
            Some(_) => None,
            None => match self.hidden.iter().find(|(field, _)| *field == name) {
                Some((_, Cell::Text(text))) => Some(text),
                _ => None,
            },
        }
    }
}

pub(super) async fn page(
    db: &Db,
    sight: Sight<'_>,
    page: &Page,
    wanted: Option<&[String]>,
) -> Result<Vec<Map<String, Value>>, ErrorCode> {
    let rows = db.fetch(&page.query).await?;
    let joins: Vec<&str> = page.target.levels().flat_map(join_fields).collect();
    let mut records = read(page.target.own.table, &rows, &page.columns, &joins)?;
    for meta in page.target.levels() {
        nest(db, sight, meta, &mut records, wanted).await?;
    }
    if wants_kinds(sight.schema(), page.target, wanted) {
        add_kinds(db, sight, page.target.own, &mut records, wanted).await?;
    }
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|field| field == name));
    Ok(records
        .into_iter()
        .map(|mut record| {
            record.shown.retain(|name, _| is_wanted(name));
            record.shown
        })
        .collect())
}

/// The fields of `meta` by which rows find what belongs to them.
fn join_fields(meta: &'static ResourceMeta) -> impl Iterator<Item = &'static str> {
    let lists = meta.nested.iter().map(|nested| nested.from);
    lists.chain([meta.key().wire]).chain(meta.type_field)
}

/// Reads rows of `columns`; of those called in `joins` the cells are kept where they are not shown.
fn read(
    table: &'static str,
    rows: &[DbRow],
    columns: &[&'static FieldMeta],
    joins: &[&str],
) -> Result<Vec<Record>, ErrorCode> {
    let kept: Vec<bool> = columns.iter().map(|field| field.hidden && joins.contains(&field.wire)).collect();
    let record = |row: &DbRow| -> Result<Record, CellError> {
        let mut record = Record { shown: Map::new(), hidden: Vec::new() };
        for (index, (field, kept)) in columns.iter().zip(&kept).enumerate() {
            let cell = row.at(index, field.kind)?;
            if *kept {
                record.hidden.push((field.wire, cell));
            } else if !field.hidden
                && let Some(value) = shown(field, cell)?
            {
                record.shown.insert(field.wire.to_owned(), value);
            }
        }
        Ok(record)
    };
    let records: Result<Vec<Record>, CellError> = rows.iter().map(record).collect();
    records.map_err(|cause| DbError::Unreadable { table, cause }.into())
}

/// The cell as JSON; nulls are left out (wire.md §5).
fn shown(field: &FieldMeta, cell: Cell) -> Result<Option<Value>, CellError> {
    Ok(Some(match (cell, field.kind) {
        (Cell::Null, _) => return Ok(None),
        (Cell::Int(number), FieldKind::Boolean) => Value::Bool(number != 0),
        (Cell::Int(number), FieldKind::Timestamp) => Value::String(Timestamp(number).to_string()),
        (Cell::Int(number), _) => Value::from(number),
        (Cell::Text(text), FieldKind::Json) => {
            serde_json::from_str(&text).map_err(|cause| CellError { expected: "JSON", found: cause.to_string() })?
        }
        (Cell::Text(text), _) => Value::String(text),
    }))
}

/// Fills the lists of `meta` into its records.
fn nest<'a>(
    db: &'a Db,
    sight: Sight<'a>,
    meta: &'static ResourceMeta,
    records: &'a mut [Record],
    wanted: Option<&'a [String]>,
) -> BoxFuture<'a, Result<(), ErrorCode>> {
    Box::pin(async move {
        if records.is_empty() {
            return Ok(());
        }
        let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|field| field == name));
        for nested in meta.nested.iter().filter(|nested| is_wanted(nested.wire)) {
            fill(db, sight, nested, records).await?;
        }
        for collection in meta.collections.iter().filter(|collection| is_wanted(collection.wire)) {
            let list = Nested {
                wire: collection.wire,
                resource: collection.resource,
                from: meta.key().wire,
                to: collection.join,
            };
            fill(db, sight, &list, records).await?;
            for record in records.iter_mut() {
                pick(&mut record.shown, collection.wire, collection.field);
            }
        }
        Ok(())
    })
}

/// Turns a list of objects into the list of one of their members.
fn pick(shown: &mut Map<String, Value>, name: &str, member: &str) {
    if let Some(Value::Array(items)) = shown.get_mut(name) {
        for item in items.iter_mut() {
            let value = item.as_object_mut().and_then(|object| object.remove(member));
            *item = value.unwrap_or(Value::Null);
        }
        items.retain(|item| !item.is_null());
    }
}

async fn fill(db: &Db, sight: Sight<'_>, nested: &Nested, records: &mut [Record]) -> Result<(), ErrorCode> {
    let undeclared = || ErrorCode::internal(format!("{} leads to an undeclared resource or field", nested.wire));
    let child = sight.schema().resource(nested.resource).ok_or_else(undeclared)?;
    let to = child.field(nested.to).ok_or_else(undeclared)?;
    let mut keys: Vec<&str> = records.iter().filter_map(|record| record.join(nested.from)).collect();
    keys.sort_unstable();
    keys.dedup();
    let shared = keys.len() < records.len();
    let joins: Vec<&str> = join_fields(child).chain([nested.to]).collect();
    let columns: Vec<&'static FieldMeta> =
        child.fields.iter().filter(|field| !field.hidden || joins.contains(&field.wire)).collect();
    let mut children = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        let mut query = Query::select();
        query
            .columns(columns.iter().map(|field| Alias::new(field.column)))
            .from(Alias::new(child.table))
            .and_where(Expr::col(Alias::new(to.column)).is_in(chunk.iter().copied()));
        if let Some(visible) = sight.of_rows(child) {
            query.and_where(visible);
        }
        for column in ["device_id", "create_date", child.key().column] {
            if child.fields.iter().any(|field| field.column == column) {
                query.order_by(Alias::new(column), Order::Asc);
            }
        }
        children.extend(read(child.table, &db.fetch(&query).await?, &columns, &joins)?);
    }
    nest(db, sight, child, &mut children, None).await?;
    let mut by_key: HashMap<String, Vec<Value>> = HashMap::new();
    for record in children {
        let Some(key) = record.join(nested.to) else { continue };
        match by_key.get_mut(key) {
            Some(list) => list.push(Value::Object(record.shown)),
            None => {
                by_key.insert(key.to_owned(), vec![Value::Object(record.shown)]);
            }
        }
    }
    for record in records {
        let key = record.join(nested.from);
        let list = key.and_then(|key| if shared { by_key.get(key).cloned() } else { by_key.remove(key) });
        let list = list.unwrap_or_default();
        record.shown.insert(nested.wire.to_owned(), Value::Array(list));
    }
    Ok(())
}

/// Adds to each record what its kind declares beyond the common fields: a KVM host's user name among hosts.
async fn add_kinds(
    db: &Db,
    sight: Sight<'_>,
    meta: &'static ResourceMeta,
    records: &mut [Record],
    wanted: Option<&[String]>,
) -> Result<(), ErrorCode> {
    for child in sight.schema().children(meta) {
        let key = child.key();
        let type_value = child.parent.map(|parent| parent.type_value);
        let of_kind = |record: &Record| meta.type_field.is_some_and(|field| record.join(field) == type_value);
        let uuids: Vec<String> = records
            .iter()
            .filter(|record| of_kind(record))
            .filter_map(|record| record.join(key.wire).map(str::to_owned))
            .collect();
        let mut rows = Vec::new();
        for chunk in uuids.chunks(CHUNK) {
            let mut query = Query::select();
            query
                .columns(child.fields.iter().map(|field| Alias::new(field.column)))
                .from(Alias::new(child.table))
                .and_where(Expr::col(Alias::new(key.column)).is_in(chunk.iter().map(String::as_str)));
            let columns: Vec<&'static FieldMeta> = child.fields.iter().collect();
            let joins: Vec<&str> = join_fields(child).collect();
            rows.extend(read(child.table, &db.fetch(&query).await?, &columns, &joins)?);
        }
        nest(db, sight, child, &mut rows, wanted).await?;
        let mut extra: HashMap<String, Map<String, Value>> = rows
            .into_iter()
            .filter_map(|record| record.join(key.wire).map(str::to_owned).map(|key| (key, record.shown)))
            .collect();
        for record in records.iter_mut() {
            if let Some(more) = record.join(key.wire).and_then(|key| extra.remove(key)) {
                record.shown.extend(more);
            }
        }
    }
    Ok(())
}
