//! Runs statements and gives their answers ZStack's shapes.

use cumulo_schema::ErrorCode;
use serde_json::{Map, Value, json};

use super::{
    metric::ZWatch,
    parse,
    resolve::{MAX_ROWS, Resolved, Resolver, Shape},
};
use crate::{
    bus::Caller,
    query::{Found, Group, MetricPoint, MetricSource, QueryEngine},
};

/// The answers to the statements of `text`, in their order.
pub(in crate::query) async fn answer(
    engine: &QueryEngine,
    caller: &Caller,
    text: &str,
    explain: bool,
) -> Result<Vec<Value>, ErrorCode> {
    let resolver = Resolver { schema: &engine.schema, text };
    let statements: Vec<Resolved> =
        parse(text)?.iter().map(|statement| resolver.statement(statement)).collect::<Result<_, _>>()?;
    let mut results = Vec::new();
    for statement in statements {
        let mut result = if explain {
            Map::from_iter([("explain".to_owned(), json!(engine.explain(caller, &statement.select).await?))])
        } else {
            run(engine, caller, &statement).await?
        };
        if let Some(name) = statement.name {
            result.insert("name".to_owned(), Value::from(name));
        }
        results.push(Value::Object(result));
    }
    Ok(results)
}

async fn run(engine: &QueryEngine, caller: &Caller, statement: &Resolved) -> Result<Map<String, Value>, ErrorCode> {
    // Whether there is somebody to ask is known before the database works.
    let source = match statement.metrics.is_empty() {
        true => None,
        false => Some(source(engine)?),
    };
    let found = engine.run(caller, &statement.select).await?;
    let rows = found.inventories.as_ref().map_or(0, Vec::len).max(found.groups.as_ref().map_or(0, Vec::len));
    if !statement.limited && u64::try_from(rows).unwrap_or(u64::MAX) > MAX_ROWS {
        let text =
            format!("a query without limit found more than {MAX_ROWS} rows; page through them with limit and offset");
        return Err(ErrorCode::invalid(text));
    }
    let mut result = Map::new();
    if let Some(source) = source {
        let mut answers = Map::new();
        for clause in &statement.metrics {
            let points = metrics(source, caller, statement, clause, &found).await?;
            answers.insert(clause.result_name.clone(), Value::from(points));
        }
        result.insert("returnWith".to_owned(), Value::Object(answers));
    }
    shape(&mut result, statement, found);
    Ok(result)
}

fn source(engine: &QueryEngine) -> Result<&dyn MetricSource, ErrorCode> {
    let sources = engine.registry.all::<dyn MetricSource>();
    sources.first().map(AsRef::as_ref).ok_or_else(|| {
        let text =
            "this node keeps no metrics, so 'zwatch' cannot be answered; leave it out or install a metrics store";
        ErrorCode::new(cumulo_schema::codes::NO_CAPABILITY, text)
    })
}

/// The points of one clause, for the resources that the rows name.
async fn metrics(
    source: &dyn MetricSource,
    caller: &Caller,
    statement: &Resolved,
    clause: &ZWatch,
    found: &Found,
) -> Result<Vec<Value>, ErrorCode> {
    let select = &statement.select;
    let key = select.target.key().wire;
    let field = match (clause.field_index, &select.fields) {
        (None, _) => key,
        (Some(index), Some(fields)) => fields.get(index).map(String::as_str).ok_or_else(|| {
            ErrorCode::invalid(format!("zwatch names field {index} of the target, which has {} fields", fields.len()))
        })?,
        (Some(_), None) => {
            return Err(ErrorCode::invalid("zwatch takes a fieldIndex only where the target names its fields"));
        }
    };
    let rows = found.inventories.as_deref().unwrap_or_default();
    let uuids = rows.iter().filter_map(|row| row.get(field).and_then(Value::as_str)).map(str::to_owned);
    let points = source.find(caller, select.target, &uuids.collect::<Vec<_>>(), &clause.query).await?;
    let point = |MetricPoint { value, time, labels }| json!({ "value": value, "time": time, "labels": labels });
    Ok(points.into_iter().map(point).collect())
}

fn shape(result: &mut Map<String, Value>, statement: &Resolved, found: Found) {
    let mut insert = |name: &str, value: Value| result.insert(name.to_owned(), value);
    if let Some(mut rows) = found.inventories {
        if statement.hides_id {
            let key = statement.select.target.key().wire;
            rows.iter_mut().for_each(|row| drop(row.remove(key)));
        }
        insert("inventories", rows.into_iter().map(Value::Object).collect());
    }
    if let Some(groups) = found.groups {
        match statement.shape {
            Shape::Sums => {
                let row = |group: Group| group.key.into_iter().map(|(_, value)| value).chain(group.figures).collect();
                insert("inventories", groups.into_iter().map(row).collect::<Vec<Value>>().into());
            }
            Shape::Function => {
                insert("inventoryAggregateFunctions", function(statement, groups));
            }
            // No group is no member: an empty list would be the only one of its type there.
            _ if groups.is_empty() => {}
            _ => {
                let pair = |group: Group| json!([shown(group.key), group.figures.into_iter().next()]);
                insert("inventoryCounts", groups.into_iter().map(pair).collect());
            }
        }
    }
    if let Some(total) = found.total {
        insert("total", Value::from(total));
    }
}

/// `[[{"cpuNum": 8, "hostUuid": "…"}, 8], …]`: the figure stands in the object, too.
fn function(statement: &Resolved, groups: Vec<Group>) -> Value {
    use crate::query::Answer;
    let field = match &statement.select.answer {
        Answer::Groups(measures) => measures.first().and_then(|measure| measure.field.as_ref()),
        _ => None,
    };
    let field = field.map(ToString::to_string).unwrap_or_default();
    let pairs = groups.into_iter().filter_map(|group| {
        let figure = group.figures.into_iter().next().filter(|figure| !figure.is_null())?;
        let mut object = shown(group.key);
        object.entry(field.clone()).or_insert_with(|| figure.clone());
        Some(json!([object, figure]))
    });
    pairs.collect()
}

/// Null members are left out, as everywhere.
fn shown(mut object: Map<String, Value>) -> Map<String, Value> {
    object.retain(|_, value| !value.is_null());
    object
}
