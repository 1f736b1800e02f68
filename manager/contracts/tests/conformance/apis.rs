//! APIs: how they are called, what they take, what they answer.

use std::collections::BTreeSet;

use cumulo_contracts::apis;
use cumulo_schema::{ApiKind, ApiMeta, ParamIn, ParamKind, ParamMeta, Rbac, ReplyShape};
use serde_json::Value;

use crate::{
    Differences,
    reference::{Api, Param, REFERENCE, Response},
};

/// Parameters that we add to every API: clients of the reference never send them.
const ADDITIONS: [&str; 1] = ["dryRun"];

#[test]
fn every_api_is_as_the_reference_has_it() {
    let mut differences = Differences::default();
    for ours in apis() {
        match REFERENCE.api(ours.name) {
            Some(reference) => compare(&mut differences, reference, ours),
            None => differences.note(ours.name, "the reference has no such API"),
        }
    }
    differences.settle("apis");
}

fn compare(differences: &mut Differences, reference: &Api, ours: &ApiMeta) {
    let name = ours.name;
    let at = |what: &str| format!("{name}/{what}");
    // An API without a main path of its own has the text `null` there.
    let theirs = std::iter::once(&reference.path).chain(&reference.optional_paths).filter(|path| *path != "null");
    let templates: BTreeSet<&str> = std::iter::once(ours.path).chain(ours.optional_paths.iter().copied()).collect();
    differences.compare(&at("paths"), theirs.map(String::as_str).collect(), templates);
    differences.compare(&at("class"), reference.java_class.as_str(), ours.java_class);
    if let Some(service) = &reference.service {
        differences.compare(&at("service"), service.as_str(), ours.service);
    }
    differences.compare(&at("group"), reference.group.as_str(), ours.group);
    differences.compare(&at("method"), reference.method.as_str(), ours.method.as_str());
    differences.compare(&at("body key"), reference.body_key.as_deref(), ours.body_key);
    differences.compare(&at("session"), reference.need_session, ours.needs_session);
    differences.compare(&at("job"), reference.need_poll, ours.is_job);
    let rbac = if ours.rbac == Rbac::AdminOnly { "adminOnly" } else { "normal" };
    differences.compare(&at("rbac"), reference.rbac.as_deref(), Some(rbac));
    let is_query = matches!(ours.kind, ApiKind::Query(_));
    differences.compare(&at("query"), reference.is_query, is_query);
    differences.compare(&at("create"), reference.is_create, ours.kind == ApiKind::Create);
    differences.compare(&at("delete"), reference.is_delete, ours.kind == ApiKind::Delete);
    if let Some(seconds) = reference.default_timeout_seconds {
        differences.compare(&at("timeout"), seconds, ours.timeout_secs);
    }
    // What all queries take is not declared by each of them.
    if !is_query {
        compare_params(differences, reference, ours);
    }
    compare_reply(differences, &reference.response, ours);
}

fn compare_params(differences: &mut Differences, reference: &Api, ours: &ApiMeta) {
    for theirs in &reference.params {
        let at = format!("{}/{}", ours.name, theirs.name);
        match ours.param(&theirs.name) {
            Some(param) => compare_param(differences, &at, theirs, param),
            None => differences.note(&at, "the parameter is missing"),
        }
    }
    for param in ours.params.iter().filter(|param| !ADDITIONS.contains(&param.name)) {
        if !reference.params.iter().any(|theirs| theirs.name == param.name) {
            differences.note(&format!("{}/{}", ours.name, param.name), "the reference has no such parameter");
        }
    }
}

fn compare_param(differences: &mut Differences, at: &str, reference: &Param, ours: &ParamMeta) {
    let at = |rule: &str| format!("{at}/{rule}");
    differences.compare(&at("type"), general(&reference.type_name), type_name(ours.kind));
    differences.compare(&at("required"), reference.required, ours.required);
    let location = match ours.location {
        ParamIn::Path => "path",
        ParamIn::Query => "query",
        ParamIn::Body => "body",
    };
    differences.compare(&at("in"), reference.location.as_deref(), Some(location));
    differences.compare(&at("max length"), reference.max_length, ours.max_length);
    let values: Vec<&str> = reference.valid_values.iter().map(String::as_str).collect();
    differences.compare(&at("values"), values, ours.valid_values.to_vec());
    differences.compare(&at("regex"), reference.valid_regex_values.as_deref(), ours.regex);
    differences.compare(&at("range"), reference.number_range, ours.range);
    differences.compare(&at("nonempty"), reference.nonempty, ours.nonempty);
    differences.compare(&at("empty text"), reference.empty_string == Some(false), ours.no_empty_string);
    differences.compare(&at("resource"), reference.resource_type.as_deref(), ours.resource);
    let gone = reference.success_if_resource_not_existing;
    differences.compare(&at("success if missing"), gone, ours.success_if_missing);
    differences.compare(&at("check account"), reference.check_account, ours.check_account);
    differences.compare(&at("operation target"), reference.operation_target, ours.operation_target);
    differences.compare(&at("sensitive"), reference.sensitive, ours.sensitive);
    let default = reference.default.as_ref().map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    differences.compare(&at("default"), default, ours.default.map(str::to_owned));
}

/// A type's name with boxed and plain numbers made one.
fn general(type_name: &str) -> String {
    match type_name {
        "int" => "Integer".to_owned(),
        "long" => "Long".to_owned(),
        "boolean" => "Boolean".to_owned(),
        other => other.to_owned(),
    }
}

fn type_name(kind: ParamKind) -> String {
    let name = match kind {
        ParamKind::String => "String",
        ParamKind::Integer => "Integer",
        ParamKind::Long => "Long",
        ParamKind::Boolean => "Boolean",
        ParamKind::StringList => "List<String>",
        ParamKind::LongList => "List<Long>",
        ParamKind::StringMap => "Map<String, String>",
        ParamKind::StringListMap => "Map<String, List<String>>",
        ParamKind::Json(name) => name,
    };
    name.to_owned()
}

fn compare_reply(differences: &mut Differences, reference: &Response, ours: &ApiMeta) {
    let all = reference.fields_to.as_ref().is_some_and(|fields| fields.iter().any(|field| field == "all"));
    differences.compare(&format!("{}/reply all", ours.name), all, matches!(ours.reply, ReplyShape::All(_)));
    let own = || reference.fields.iter().filter(|field| !field.base);
    let our_names: BTreeSet<&str> = ours.reply.fields().iter().map(|field| field.name).collect();
    // Every query answers it, without a word in its declaration.
    let is_declared = |name: &&str| *name != "total" || our_names.contains(name);
    let names = own().map(|field| field.name.as_str()).filter(is_declared);
    differences.compare(&format!("{}/reply", ours.name), names.collect(), our_names);
    for theirs in own() {
        if let Some(field) = ours.reply.fields().iter().find(|field| field.name == theirs.name) {
            let at = format!("{}/reply {}", ours.name, field.name);
            // A list of inventories is declared by the name of one.
            let element = theirs.type_name.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>'));
            let listed = element.is_some_and(|element| element == field.type_name);
            if !listed {
                differences.compare(&at, general(&theirs.type_name), general(field.type_name));
            }
        }
    }
}
