//! Random statements find what the model finds, for the admin and for a tenant, on whichever database is configured.

use std::{cmp::Ordering, collections::BTreeMap};

use cumulo_kernel::bus::Caller;
use cumulo_schema::{Cell, FieldKind, Uuid};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Map, Value, json};

use super::{
    generate::{Ask, Generator, What},
    library::Library,
    model::{Joined, Model, Row, field, inventory, kind_of, shown},
};

/// Libraries, and statements on each; `CUMULO_FUZZ_ROUNDS` makes it more libraries.
const LIBRARIES: usize = 4;
const STATEMENTS: usize = 400;

#[tokio::test]
async fn random_statements_find_what_the_model_finds() {
    let rounds = std::env::var("CUMULO_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(LIBRARIES);
    let seed: u64 = match std::env::var("CUMULO_FUZZ_SEED") {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => rand::rng().random(),
    };
    println!("CUMULO_FUZZ_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..rounds {
        let library = Library::random(&mut rng).await;
        let mut found = 0;
        for _ in 0..STATEMENTS {
            let account = if rng.random_bool(0.3) { library.rows.tenant } else { Uuid::ADMIN };
            let mut generator = Generator { rng: &mut rng, rows: &library.rows };
            let ask = generator.ask();
            let text = generator.text(&ask);
            let expected = expected(&Model::new(&library.rows, account), &ask);
            let caller = Caller { account, session: None };
            let answer = library.kernel.query().zql(&caller, &text, false).await;
            let answer = answer.unwrap_or_else(|error| panic!("seed {seed}, account {account}:\n{text}\n{error}"));
            assert_eq!(rounded(&answer[0]), rounded(&expected), "seed {seed}, account {account}:\n{text}");
            found += usize::from(expected.to_string().len() > 30);
        }
        assert!(found > STATEMENTS / 4, "seed {seed}: the statements find something, not only nothing: {found}");
        library.close().await;
    }
}

/// A row that an outer join did not find has no tag, whatever tags others have.
#[tokio::test]
async fn what_an_outer_join_did_not_find_lacks_everything() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let library = Library::random(&mut StdRng::seed_from_u64(seed)).await;
    let count = async |rest: &str| {
        let text = format!("count book {rest}");
        let answer = library.kernel.query().zql(&Caller::SYSTEM, &text, false).await;
        answer.unwrap_or_else(|error| panic!("seed {seed}: {text}: {error}"))[0]["total"].clone()
    };
    let all = count("").await;
    for condition in ["shelf.__userTag__ not has ('a', 'ab', 'abc', 'b', 'ba', 'c1')", "shelf.__userTag__ not like '%'"]
    {
        let found = count(&format!("left join shelf on (shelf.name = 'no such') where {condition}")).await;
        assert_eq!(found, all, "seed {seed}: {condition}");
    }
    library.close().await;
}

/// Means are compared to nine digits: the order of a division is nobody's promise.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            json!(number.as_f64().map(|float| format!("{float:.9}")))
        }
        Value::Array(items) => items.iter().map(rounded).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), rounded(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// NULL first, then numbers, then texts: as both databases order.
fn order(left: &Cell, right: &Cell) -> Ordering {
    match (left, right) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Less,
        (_, Cell::Null) => Ordering::Greater,
        (Cell::Int(left), Cell::Int(right)) => left.cmp(right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        _ => panic!("a column holds one type"),
    }
}

fn computed(function: Option<&str>, cell: Cell) -> Cell {
    match (function.map(str::to_lowercase).as_deref(), cell) {
        (Some("inet_aton"), Cell::Text(text)) => {
            let address: std::net::Ipv4Addr = text.parse().expect("an address");
            Cell::Int(u32::from(address).into())
        }
        (Some("length"), Cell::Text(text)) => Cell::Int(text.chars().count().try_into().expect("short")),
        (Some("upper"), Cell::Text(text)) => Cell::Text(text.to_uppercase()),
        (_, cell) => cell,
    }
}

/// What `ask` must answer.
fn expected(model: &Model<'_>, ask: &Ask) -> Value {
    let target = ask.target;
    let mut joined: Vec<Joined<'_>> = Vec::new();
    for row in model.table(target) {
        let alone = || Joined { target: (target, row), other: None };
        match &ask.join {
            None => joined.push(alone()),
            Some((kind, meta, on)) => {
                let with = |other| Joined { other: Some((*meta, other)), ..alone() };
                let matching: Vec<_> =
                    model.table(meta).iter().map(Some).map(with).filter(|both| model.holds(on, both)).collect();
                if matching.is_empty() && *kind == "left" {
                    joined.push(with(None));
                }
                joined.extend(matching);
            }
        }
    }
    joined.retain(|at| ask.cond.as_ref().is_none_or(|cond| model.holds(cond, at)));
    match &ask.what {
        What::Rows { fields, distinct, group_by, total } => rows(ask, joined, fields, *distinct, group_by, *total),
        What::Count { group_by, by_count } => counts(ask, &joined, group_by, *by_count),
        What::Sum { fields, by } => sums(ask, &joined, fields, by),
        What::Function { name, field, group_by } => function(ask, &joined, name, field, group_by),
    }
}

fn page<T>(items: Vec<T>, ask: &Ask) -> Vec<T> {
    items.into_iter().skip(ask.offset.unwrap_or(0)).take(ask.limit.unwrap_or(usize::MAX)).collect()
}

fn rows(
    ask: &Ask,
    mut joined: Vec<Joined<'_>>,
    fields: &[&'static str],
    distinct: bool,
    group_by: &[&'static str],
    with_total: bool,
) -> Value {
    let mut total = joined.len();
    if !group_by.is_empty() {
        let mut first: BTreeMap<Vec<String>, Joined<'_>> = BTreeMap::new();
        joined.sort_by(|a, b| order(&a.target.1["uuid"], &b.target.1["uuid"]));
        for at in joined {
            first.entry(group_by.iter().map(|by| at.target.1[by].to_string()).collect()).or_insert(at);
        }
        joined = first.into_values().collect();
    }
    let key = |at: &Joined<'_>| -> Vec<Cell> {
        let mut key: Vec<Cell> =
            ask.order.iter().map(|(function, path, _)| computed(*function, field(path, at))).collect();
        if distinct {
            // The engine breaks ties in the order of the declaration.
            let declared = ask.target.parent.is_none().then_some(ask.target);
            let parent = ask.target.parent.map(|parent| super::model::meta_of(parent.resource));
            let all = parent.into_iter().chain([ask.target]).chain(declared).flat_map(|meta| meta.fields);
            key.extend(all.filter(|f| fields.contains(&f.wire)).map(|f| at.target.1[f.wire].clone()));
        } else {
            key.push(at.target.1["uuid"].clone());
        }
        key
    };
    joined.sort_by(|a, b| by_key(ask, &key(a), &key(b)));
    let mut inventories: Vec<Map<String, Value>> =
        joined.iter().map(|at| inventory(ask.target, at.target.1, fields)).collect();
    if distinct {
        inventories.dedup();
        total = inventories.len();
    }
    let mut answer = json!({ "inventories": page(inventories, ask) });
    if with_total {
        answer["total"] = json!(total);
    }
    answer
}

fn by_key(ask: &Ask, left: &[Cell], right: &[Cell]) -> Ordering {
    let directions = ask.order.iter().map(|(_, _, descending)| *descending).chain(std::iter::repeat(false));
    let each = left.iter().zip(right).zip(directions).map(|((left, right), descending)| {
        let order = order(left, right);
        if descending { order.reverse() } else { order }
    });
    each.fold(Ordering::Equal, Ordering::then)
}

/// The rows of each group, by what they have in common.
fn groups<'a>(joined: &[Joined<'a>], by: &[&'static str]) -> Vec<(Vec<Cell>, Vec<&'a Row>)> {
    let mut groups: Vec<(Vec<Cell>, Vec<&Row>)> = Vec::new();
    for at in joined {
        let key: Vec<Cell> = by.iter().map(|by| at.target.1[by].clone()).collect();
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(at.target.1),
            None => groups.push((key, vec![at.target.1])),
        }
    }
    groups
}

fn sum(rows: &[&Row], field: &str) -> Cell {
    let numbers = rows.iter().filter_map(|row| match row[field] {
        Cell::Int(number) => Some(number),
        _ => None,
    });
    numbers.reduce(|a, b| a + b).map_or(Cell::Null, Cell::Int)
}

/// One figure of a group.
fn figure(name: &str, rows: &[&Row], meta_field: &str) -> Cell {
    let mut cells: Vec<Cell> =
        rows.iter().map(|row| row[meta_field].clone()).filter(|cell| *cell != Cell::Null).collect();
    cells.sort_by(order);
    match name {
        "count" => Cell::Int(cells.len().try_into().expect("few")),
        "min" => cells.first().cloned().unwrap_or(Cell::Null),
        "max" => cells.last().cloned().unwrap_or(Cell::Null),
        _ => sum(rows, meta_field),
    }
}

/// Groups in the order asked for: by how large they are, by a figure (`figures` holds their fields' names), by what they
/// have in common; and by the latter in any case.
fn ordered<'a>(
    ask: &Ask,
    mut groups: Vec<(Vec<Cell>, Vec<&'a Row>)>,
    by: &[&'static str],
    by_count: bool,
    figures: (&str, &[&'static str]),
) -> Vec<(Vec<Cell>, Vec<&'a Row>)> {
    let key = |(common, rows): &(Vec<Cell>, Vec<&Row>)| -> Vec<Figure> {
        let mut key = Vec::new();
        if by_count {
            key.push(Figure(Cell::Int(-i64::try_from(rows.len()).expect("few")), None));
        }
        for (_, path, _) in &ask.order {
            let name = path[0].as_str();
            if figures.1.contains(&name) {
                let mean = (figures.0 == "avg").then(|| mean(rows, name)).flatten();
                key.push(Figure(figure(figures.0, rows, name), mean));
            } else {
                let index = by.iter().position(|by| *by == name).expect("of the group");
                key.push(Figure(common[index].clone(), None));
            }
        }
        key.extend(common.iter().map(|cell| Figure(cell.clone(), None)));
        key
    };
    groups.sort_by(|a, b| {
        let directions = std::iter::repeat_n(false, usize::from(by_count))
            .chain(ask.order.iter().map(|(_, _, descending)| *descending))
            .chain(std::iter::repeat(false));
        let each = key(a).into_iter().zip(key(b)).zip(directions).map(|((left, right), descending)| {
            let order = left.order(&right);
            if descending { order.reverse() } else { order }
        });
        each.fold(Ordering::Equal, Ordering::then)
    });
    groups
}

/// A cell to order by, or the mean that it is the sum of.
#[derive(Debug)]
struct Figure(Cell, Option<f64>);

impl Figure {
    fn order(&self, other: &Self) -> Ordering {
        match (self.1, other.1) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => order(&self.0, &other.0),
        }
    }
}

fn mean(rows: &[&Row], field: &str) -> Option<f64> {
    let count = i32::try_from(rows.iter().filter(|row| row[field] != Cell::Null).count()).expect("few");
    match sum(rows, field) {
        Cell::Int(sum) => Some(f64::from(i32::try_from(sum).expect("small")) / f64::from(count)),
        _ => None,
    }
}

fn common(ask: &Ask, by: &[&'static str], cells: &[Cell]) -> Map<String, Value> {
    let member = |(by, cell): (&&'static str, &Cell)| Some(((*by).to_owned(), shown(kind_of(ask.target, by), cell)?));
    by.iter().zip(cells).filter_map(member).collect()
}

fn counts(ask: &Ask, joined: &[Joined<'_>], by: &[&'static str], by_count: bool) -> Value {
    let mut answer = json!({ "total": joined.len() });
    if by.is_empty() {
        return answer;
    }
    let groups = page(ordered(ask, groups(joined, by), by, by_count, ("", &[])), ask);
    if !groups.is_empty() {
        let pair = |(cells, rows): &(Vec<Cell>, Vec<&Row>)| json!([common(ask, by, cells), rows.len()]);
        answer["inventoryCounts"] = groups.iter().map(pair).collect();
    }
    answer
}

fn sums(ask: &Ask, joined: &[Joined<'_>], fields: &[&'static str], by: &'static str) -> Value {
    let groups = page(ordered(ask, groups(joined, &[by]), &[by], false, ("sum", fields)), ask);
    let row = |(cells, rows): &(Vec<Cell>, Vec<&Row>)| -> Value {
        let sums = fields.iter().map(|field| shown(FieldKind::Long, &sum(rows, field)).unwrap_or_default());
        [shown(kind_of(ask.target, by), &cells[0]).unwrap_or_default()].into_iter().chain(sums).collect()
    };
    json!({ "inventories": groups.iter().map(row).collect::<Vec<Value>>() })
}

fn function(ask: &Ask, joined: &[Joined<'_>], name: &str, field: &'static str, by: &[&'static str]) -> Value {
    let mut all = groups(joined, by);
    if by.is_empty() {
        // No group is one group, also of nothing; and one row is on no page but the first.
        all = vec![(vec![], joined.iter().map(|at| at.target.1).collect())];
    }
    let ordered = ordered(ask, all, by, false, (name, &[field]));
    let groups = if by.is_empty() { ordered } else { page(ordered, ask) };
    let pair = |(cells, rows): (Vec<Cell>, Vec<&Row>)| -> Option<Value> {
        let value = match name {
            "avg" => mean(&rows, field).map(Value::from),
            "min" | "max" => shown(kind_of(ask.target, field), &figure(name, &rows, field)),
            _ => shown(FieldKind::Long, &figure(name, &rows, field)),
        }?;
        let mut object = common(ask, by, &cells);
        object.entry(field).or_insert_with(|| value.clone());
        Some(json!([object, value]))
    };
    json!({ "inventoryAggregateFunctions": groups.into_iter().filter_map(pair).collect::<Vec<_>>() })
}
