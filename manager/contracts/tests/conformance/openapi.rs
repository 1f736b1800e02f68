//! The OpenAPI document of all declarations is one that tools accept.

use std::collections::BTreeSet;

use cumulo_contracts::{apis, resources};
use cumulo_schema::openapi;
use serde_json::Value;

fn document() -> Value {
    openapi::document(apis(), &resources())
}

/// Every value under `member`, at any depth.
fn values<'v>(document: &'v Value, member: &str, found: &mut Vec<&'v Value>) {
    match document {
        Value::Object(members) => {
            found.extend(members.get(member));
            members.values().for_each(|value| values(value, member, found));
        }
        Value::Array(items) => items.iter().for_each(|value| values(value, member, found)),
        _ => {}
    }
}

#[test]
fn operations_have_ids_of_their_own_and_references_lead_somewhere() {
    let document = document();
    let (mut ids, mut references) = (vec![], vec![]);
    values(&document, "operationId", &mut ids);
    values(&document, "$ref", &mut references);
    let distinct: BTreeSet<&str> = ids.iter().filter_map(|id| id.as_str()).collect();
    assert_eq!(distinct.len(), ids.len());
    assert!(!references.is_empty());
    for reference in references.iter().filter_map(|reference| reference.as_str()) {
        let pointer = reference.strip_prefix('#').expect("references stay in the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_template_variable_is_a_path_parameter() {
    let document = document();
    for (path, verbs) in document["paths"].as_object().expect("paths") {
        let variables: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for (verb, operation) in verbs.as_object().expect("verbs") {
            let parameters = operation["parameters"].as_array().expect("parameters");
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
            let named: BTreeSet<&str> = in_path.filter_map(|parameter| parameter["name"].as_str()).collect();
            assert_eq!(named, variables, "{verb} {path}");
        }
    }
}

#[test]
fn every_api_is_in_it_and_secrets_are_marked() {
    let document = document();
    for api in apis() {
        let verb = api.method.as_str().to_lowercase();
        let operation = &document["paths"][api.path][verb.as_str()];
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.contains(api.doc) && !api.doc.is_empty(), "{} {}: {summary}", api.method.as_str(), api.path);
    }
    let add_host = &document["paths"]["/hosts/kvm"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(add_host["properties"]["params"]["properties"]["password"]["format"], "password");
}
