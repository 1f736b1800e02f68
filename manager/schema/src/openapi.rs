//! OpenAPI 3.1 from declarations.

use serde_json::{Map, Value, json};

use crate::{ApiKind, ApiMeta, FieldKind, Method, ParamIn, ParamKind, ParamMeta, ReplyShape, ResourceMeta};

/// The document for `apis`, whose answers show `resources`.
#[must_use]
pub fn document(apis: &[&'static ApiMeta], resources: &[&'static ResourceMeta]) -> Value {
    let mut paths = Map::new();
    for api in apis {
        for (index, template) in std::iter::once(&api.path).chain(api.optional_paths).enumerate() {
            let path = paths.entry(*template).or_insert_with(|| Value::Object(Map::new()));
            if let Some(path) = path.as_object_mut() {
                // PUT actions share a path and differ by the key of the body.
                let verb = api.method.as_str().to_lowercase();
                match path.get_mut(&verb) {
                    Some(shared) => merge(shared, api),
                    None => {
                        path.insert(verb, operation(api, template, index, resources));
                    }
                }
            }
        }
    }
    let mut schemas: Map<String, Value> =
        resources.iter().map(|meta| (meta.inventory.to_owned(), inventory(meta, resources))).collect();
    schemas.insert("ErrorCode".to_owned(), error_code());
    schemas.insert("Job".to_owned(), job());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Cumulo", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "Apache-2.0" } },
        "servers": [{ "url": "/zstack/v1" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "OAuth <session uuid>" }
            }
        }
    })
}

fn operation(api: &ApiMeta, template: &str, index: usize, resources: &[&'static ResourceMeta]) -> Value {
    let id = if index == 0 { api.name.to_owned() } else { format!("{}_{index}", api.name) };
    let mut parameters: Vec<Value> = path_variables(template)
        .map(|name| {
            let kind = api.param(name).map_or_else(|| json!({ "type": "string" }), schema);
            json!({ "name": name, "in": "path", "required": true, "schema": kind })
        })
        .collect();
    if matches!(api.kind, ApiKind::Query(_)) {
        parameters.extend(query_parameters());
    }
    parameters.extend(api.params.iter().filter(|param| param.location == ParamIn::Query).map(
        |param| json!({ "name": param.name, "in": "query", "required": param.required, "description": param.doc, "schema": schema(param) }),
    ));
    let mut operation = json!({
        "operationId": id,
        "summary": api.doc,
        "tags": [api.group],
        "parameters": parameters,
        "responses": responses(api, resources),
    });
    if let (Some(operation), true) = (operation.as_object_mut(), api.needs_session) {
        operation.insert("security".to_owned(), json!([{ "session": [] }]));
    }
    if let (Some(operation), Some(body)) = (operation.as_object_mut(), body(api)) {
        operation.insert("requestBody".to_owned(), json!({ "content": { "application/json": { "schema": body } } }));
    }
    operation
}

/// Adds another action at the same verb and path.
fn merge(shared: &mut Value, api: &ApiMeta) {
    if let Some(summary) = shared.get("summary").and_then(Value::as_str) {
        let summary = format!("{summary} | {}: {}", api.name, api.doc);
        shared["summary"] = Value::String(summary);
    }
    if let Some(body) = body(api) {
        let schema = &mut shared["requestBody"]["content"]["application/json"]["schema"];
        match schema.get_mut("oneOf").and_then(Value::as_array_mut) {
            Some(all) => all.push(body),
            None => *schema = json!({ "oneOf": [schema.take(), body] }),
        }
    }
}

fn path_variables(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn query_parameters() -> Vec<Value> {
    let text = |name, doc| json!({ "name": name, "in": "query", "description": doc, "schema": { "type": "string" } });
    let number =
        |name, doc| json!({ "name": name, "in": "query", "description": doc, "schema": { "type": "integer" } });
    let flag = |name, doc| json!({ "name": name, "in": "query", "description": doc, "schema": { "type": "boolean" } });
    vec![
        json!({ "name": "q", "in": "query", "description": "A condition; repeat for more, all must hold.",
                "schema": { "type": "array", "items": { "type": "string" } }, "explode": true }),
        number("limit", "At most so many."),
        number("start", "Skip so many."),
        text("after", "Go on after the row of this uuid."),
        flag("count", "Only the total."),
        flag("replyWithCount", "The total too."),
        text("sort", "+field or -field."),
        text("fields", "Only these members, separated by commas."),
    ]
}

fn body(api: &ApiMeta) -> Option<Value> {
    let key = api.body_key?;
    let of_body = || api.params.iter().filter(|param| param.location == ParamIn::Body);
    let properties: Map<String, Value> = of_body().map(|param| (param.name.to_owned(), described(param))).collect();
    let required: Vec<&str> = of_body().filter(|param| param.required).map(|param| param.name).collect();
    Some(json!({
        "type": "object",
        "title": api.name,
        "properties": { key: { "type": "object", "properties": properties, "required": required } },
    }))
}

fn described(param: &ParamMeta) -> Value {
    let mut schema = schema(param);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), param.doc.into());
    }
    schema
}

fn schema(param: &ParamMeta) -> Value {
    let mut text = Map::from_iter([("type".to_owned(), Value::from("string"))]);
    if !param.valid_values.is_empty() {
        text.insert("enum".to_owned(), param.valid_values.into());
    }
    if let Some(most) = param.max_length {
        text.insert("maxLength".to_owned(), most.into());
    }
    if param.sensitive {
        text.insert("format".to_owned(), "password".into());
    }
    let number = |format: &str| match param.range {
        Some((least, greatest)) => {
            json!({ "type": "integer", "format": format, "minimum": least, "maximum": greatest })
        }
        None => json!({ "type": "integer", "format": format }),
    };
    match param.kind {
        ParamKind::String => Value::Object(text),
        ParamKind::Integer => number("int32"),
        ParamKind::Long => number("int64"),
        ParamKind::Boolean => json!({ "type": "boolean" }),
        ParamKind::StringList => json!({ "type": "array", "items": text }),
        ParamKind::LongList => json!({ "type": "array", "items": { "type": "integer", "format": "int64" } }),
        ParamKind::StringMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        ParamKind::StringListMap => {
            json!({ "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } } })
        }
        ParamKind::Json(_) => json!({}),
    }
}

fn responses(api: &ApiMeta, resources: &[&'static ResourceMeta]) -> Value {
    let is_shown = |inventory: &str| resources.iter().any(|meta| meta.inventory == inventory);
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let fields = api.reply.fields();
    let mut properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let schema = match (field.name, is_shown(field.type_name)) {
                ("inventories", true) => json!({ "type": "array", "items": reference(field.type_name) }),
                ("inventory", true) => reference(field.type_name),
                _ => json!({}),
            };
            (field.name.to_owned(), schema)
        })
        .collect();
    if matches!(api.reply, ReplyShape::All(_)) {
        properties.insert("success".to_owned(), json!({ "type": "boolean" }));
    }
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let done =
        json!({ "description": "Done.", "content": content(json!({ "type": "object", "properties": properties })) });
    let failed = json!({
        "description": "Refused or failed.",
        "content": content(json!({ "type": "object", "properties": { "error": reference("ErrorCode") } })),
    });
    let accepted = json!({ "description": "Accepted; poll the location.", "content": content(reference("Job")) });
    match (api.is_job, api.method) {
        (true, Method::Get) | (false, _) => json!({ "200": done, "503": failed }),
        (true, _) => json!({ "200": done, "202": accepted, "503": failed }),
    }
}

fn inventory(meta: &ResourceMeta, resources: &[&'static ResourceMeta]) -> Value {
    let mut properties: Map<String, Value> = meta
        .fields
        .iter()
        .filter(|field| !field.hidden)
        .map(|field| {
            let schema = match field.kind {
                FieldKind::Uuid | FieldKind::String | FieldKind::Timestamp => json!({ "type": "string" }),
                FieldKind::Integer => json!({ "type": "integer", "format": "int32" }),
                FieldKind::Long => json!({ "type": "integer", "format": "int64" }),
                FieldKind::Boolean => json!({ "type": "boolean" }),
                FieldKind::Json => json!({}),
            };
            (field.wire.to_owned(), schema)
        })
        .collect();
    for nested in meta.nested {
        let child = resources.iter().find(|resource| resource.name == nested.resource);
        let items = child
            .map_or_else(|| json!({}), |child| json!({ "$ref": format!("#/components/schemas/{}", child.inventory) }));
        properties.insert(nested.wire.to_owned(), json!({ "type": "array", "items": items }));
    }
    for collection in meta.collections {
        properties.insert(collection.wire.to_owned(), json!({ "type": "array", "items": { "type": "string" } }));
    }
    let own = json!({ "type": "object", "description": meta.doc, "properties": properties });
    match meta.parent.and_then(|parent| resources.iter().find(|resource| resource.name == parent.resource)) {
        Some(parent) => {
            json!({ "allOf": [{ "$ref": format!("#/components/schemas/{}", parent.inventory) }, own] })
        }
        None => own,
    }
}

fn error_code() -> Value {
    json!({
        "type": "object",
        "required": ["code", "description", "details"],
        "properties": {
            "code": { "type": "string" },
            "description": { "type": "string" },
            "details": { "type": "string" },
            "cause": { "$ref": "#/components/schemas/ErrorCode" },
            "opaque": { "type": "object" }
        }
    })
}

fn job() -> Value {
    json!({
        "type": "object",
        "required": ["location"],
        "properties": { "location": { "type": "string" }, "apiTimeout": { "type": "integer", "format": "int64" } }
    })
}
