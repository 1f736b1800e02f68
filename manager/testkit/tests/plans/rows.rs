//! Every row of every table by name, to see what a call took away.

use std::collections::{BTreeMap, BTreeSet};

use cumulo_kernel::{Kernel, plan::Plan};
use cumulo_schema::{Cell, FieldKind, FieldMeta, ResourceMeta};
use cumulo_testkit::World;
use serde_json::Value;

/// Names of rows by kind.
pub(crate) type Rows = BTreeMap<String, BTreeSet<String>>;

/// Kinds whose rows come and go with calls themselves, and not by what they ask for.
const OF_CALLS: [&str; 5] = ["ApiJobVO", "FlowVO", "GarbageCollectorVO", "GlobalConfigVO", "TimelineVO"];

pub(crate) async fn rows(kernel: &Kernel) -> Rows {
    let mut all = Rows::new();
    let metas: Vec<&'static ResourceMeta> = kernel.query().schema().resources().collect();
    for meta in metas.into_iter().filter(|meta| !OF_CALLS.contains(&meta.vo)) {
        let key = name_of(meta);
        let columns: Vec<String> = key.iter().map(|field| format!("\"{}\"", field.column)).collect();
        let sql = format!("SELECT {} FROM \"{}\"", columns.join(", "), meta.table);
        let found = kernel.db().fetch_sql(sql, vec![]).await.expect("readable");
        let name = |row: &cumulo_kernel::db::DbRow| {
            let cell = |(at, field): (usize, &&FieldMeta)| text(row.at(at, field.kind).expect("readable"));
            key.iter().enumerate().map(cell).collect::<Vec<_>>().join("/")
        };
        all.insert(meta.vo.to_owned(), found.iter().map(name).collect());
    }
    all
}

fn name_of(meta: &'static ResourceMeta) -> Vec<&'static FieldMeta> {
    let unique =
        meta.fields.iter().find(|field| field.unique && (field.wire == "uuid" || meta.field("uuid").is_none()));
    match (unique, meta.uniques.first()) {
        (Some(field), _) if std::ptr::eq(field, meta.key()) => vec![field],
        (_, Some(names)) => names.iter().map(|name| meta.field(name).expect("declared")).collect(),
        _ => meta.fields.iter().filter(|field| field.kind != FieldKind::Json).collect(),
    }
}

fn text(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => text,
        Cell::Int(number) => number.to_string(),
        Cell::Null => String::new(),
    }
}

/// What is in `before` and not in `after`.
pub(crate) fn gone(before: &Rows, after: &Rows) -> Rows {
    let none = BTreeSet::new();
    let of = |(kind, rows): (&String, &BTreeSet<String>)| {
        let left = after.get(kind).unwrap_or(&none);
        (kind.clone(), rows.difference(left).cloned().collect::<BTreeSet<_>>())
    };
    before.iter().map(of).filter(|(_, rows)| !rows.is_empty()).collect()
}

/// What a plan says will go.
pub(crate) fn removed(plan: &Plan) -> Rows {
    let of = plan.resources.iter().filter(|touched| touched.effect == "removed");
    of.map(|touched| (touched.resource.clone(), touched.uuids.iter().cloned().collect())).collect()
}

/// The plan of a call, which must change nothing.
pub(crate) async fn plan(world: &World, method: &str, path: &str, body: &Value) -> Plan {
    let before = rows(world.kernel()).await;
    let mut answer = world.call(method, path, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
    let after = rows(world.kernel()).await;
    assert_eq!(before, after, "planning {method} {path} changed something");
    serde_json::from_value(answer["plan"].take()).expect("a plan")
}
