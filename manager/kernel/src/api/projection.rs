//! Bodies: the answer of a flow, and the `schema` map that tells Java clients which class is where.

use cumulo_schema::{ApiMeta, ErrorCode, ResourceMeta};
use serde_json::{Map, Value};

use super::dispatch::Body;
use crate::{Kernel, flow::FlowReply, query::Schema};

/// The body that a flow's end stands for.
pub(super) async fn of_flow(kernel: &Kernel, reply: FlowReply) -> Result<Body, ErrorCode> {
    let mut body = Body::new();
    if let FlowReply::Inventory(name, uuid) = reply {
        let unknown = || ErrorCode::internal(format!("a flow answers with an undeclared resource {name}"));
        let meta = kernel.query().schema().resource(name).ok_or_else(unknown)?;
        body.insert("inventory".to_owned(), kernel.query().inventory_of(meta, &uuid).await?);
    }
    Ok(body)
}

/// Paths of the inventories in `body` and their Java classes, parents before children (wire.md §5).
pub(super) fn schema_of(schema: &Schema, meta: &ApiMeta, body: &Body) -> Map<String, Value> {
    let mut paths = Map::new();
    for field in meta.reply.fields() {
        let resource = schema.resources().find(|resource| resource.inventory == field.type_name);
        if let (Some(resource), Some(value)) = (resource, body.get(field.name)) {
            visit(schema, resource, value, field.name, &mut paths);
        }
    }
    paths
}

fn visit(schema: &Schema, declared: &'static ResourceMeta, value: &Value, path: &str, paths: &mut Map<String, Value>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(schema, declared, item, &format!("{path}[{index}]"), paths);
            }
        }
        Value::Object(object) => {
            let kind = declared.type_field.and_then(|field| object.get(field)).and_then(Value::as_str);
            let meta = kind.and_then(|kind| schema.child_of_type(declared, kind)).unwrap_or(declared);
            paths.insert(path.to_owned(), Value::String(meta.java_class.to_owned()));
            for nested in schema.target(meta).levels().flat_map(|meta| meta.nested) {
                if let (Some(child), Some(value)) = (schema.resource(nested.resource), object.get(nested.wire)) {
                    visit(schema, child, value, &format!("{path}.{}", nested.wire), paths);
                }
            }
        }
        _ => {}
    }
}
