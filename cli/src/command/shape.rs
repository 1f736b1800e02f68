//! Typed parameters as one HTTP request, the way wire.md wants it: path variables first, then the query string for GET
//! and DELETE or the wrapped body for POST and PUT.

use std::fmt;

use cumulo_schema::{ApiMeta, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::CommandError;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Body members that stand beside the wrapped parameters.
const BESIDE: [&str; 2] = ["systemTags", "userTags"];

/// Whether the declared rules are checked before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// Yes: faster, and all missing names are told at once.
    Here,
    /// No: the point of the call is to see the server refuse it.
    AtServer,
}

/// A request, ready to be sent any number of times.
#[derive(Clone)]
pub struct Request {
    /// What is called.
    pub api: &'static ApiMeta,
    /// After `/zstack/v1`, encoded.
    pub path: String,
    /// The query string's pairs, not encoded.
    pub query: Vec<(String, String)>,
    /// The JSON body.
    pub body: Option<Value>,
}

/// Without values, which may be secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("api", &self.api.name).finish_non_exhaustive()
    }
}

impl Request {
    /// A query with this query string.
    #[must_use]
    pub fn query(api: &'static ApiMeta, query: Vec<(String, String)>) -> Self {
        Self { api, path: api.path.to_owned(), query, body: None }
    }
}

/// The request that calls `api` with `params`.
///
/// # Errors
/// When a required parameter is missing, a rule is broken (with [`Checks::Here`]), or a value cannot be in a path.
pub fn shape(api: &'static ApiMeta, mut params: Map<String, Value>, checks: Checks) -> Result<Request, CommandError> {
    if checks == Checks::Here {
        let needed = api.params.iter().filter(|param| param.required && param.default.is_none());
        let names: Vec<_> = needed.map(|param| param.name).filter(|name| !params.contains_key(*name)).collect();
        if !names.is_empty() {
            return Err(CommandError::Missing { api: api.name, names });
        }
        api.check(&params).map_err(|refusal| CommandError::Rule { api: api.name, problem: refusal.details })?;
    }
    let path = path(api, &mut params)?;
    match api.method {
        Method::Get | Method::Delete => Ok(Request { api, path, query: query_string(params), body: None }),
        Method::Post | Method::Put => Ok(Request { api, path, query: Vec::new(), body: Some(body(api, params)) }),
    }
}

/// Fills the template that takes the most of what is given, and takes that out of `params`.
fn path(api: &'static ApiMeta, params: &mut Map<String, Value>) -> Result<String, CommandError> {
    // An API whose templates are all optional has none, or the text `null`, as its main one.
    let templates = std::iter::once(&api.path).chain(api.optional_paths).filter(|template| template.starts_with('/'));
    let fitting = templates
        .clone()
        .filter(|template| variables(template).all(|name| params.contains_key(name)))
        .max_by_key(|template| variables(template).count());
    let Some(template) = fitting else {
        let names = templates.flat_map(|template| variables(template)).filter(|name| !params.contains_key(*name));
        return Err(CommandError::Missing { api: api.name, names: names.collect() });
    };
    template
        .split_inclusive('/')
        .map(|segment| {
            let (inner, slash) = segment.strip_suffix('/').map_or((segment, ""), |inner| (inner, "/"));
            let Some(name) = variable(inner) else { return Ok(segment.to_owned()) };
            let value = params.remove(name).map(|value| as_text(&value)).unwrap_or_default();
            // A URL library would walk up the path at a dot segment, however it is encoded.
            if matches!(value.as_str(), "" | "." | "..") {
                return Err(CommandError::PathSegment { name: name.to_owned() });
            }
            Ok(format!("{}{slash}", utf8_percent_encode(&value, RESERVED)))
        })
        .collect()
}

/// `uuid` of `{uuid}`.
fn variable(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn variables(template: &'static str) -> impl Iterator<Item = &'static str> {
    template.split('/').filter_map(variable)
}

/// Lists repeat their name, maps put their key behind it, structures travel as JSON text.
fn query_string(params: Map<String, Value>) -> Vec<(String, String)> {
    let pairs = |(name, value): (String, Value)| match value {
        Value::Array(items) => items.iter().map(|item| (name.clone(), as_text(item))).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| (format!("{name}.{key}"), as_text(value))).collect()
        }
        other => vec![(name, as_text(&other))],
    };
    params.into_iter().flat_map(pairs).collect()
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn body(api: &'static ApiMeta, mut params: Map<String, Value>) -> Value {
    let mut outer = Map::new();
    for name in BESIDE {
        outer.extend(params.remove(name).map(|value| (name.to_owned(), value)));
    }
    outer.insert(api.body_key.unwrap_or("params").to_owned(), Value::Object(params));
    Value::Object(outer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::catalog;

    fn shaped(verb: &str, params: &Value, checks: Checks) -> Result<Request, CommandError> {
        let api = catalog().api(verb).expect("declared");
        shape(api, params.as_object().expect("an object").clone(), checks)
    }

    #[test]
    fn path_variables_leave_the_body_and_are_encoded() {
        let request = shaped(
            "AttachNetworkServiceToL3Network",
            &json!({"l3NetworkUuid": "a/b ?é", "networkServices": {"p": ["DHCP"]}, "systemTags": ["x::y"]}),
            Checks::Here,
        )
        .expect("complete");
        assert_eq!(request.path, "/l3-networks/a%2Fb%20%3F%C3%A9/network-services");
        assert_eq!(request.body, Some(json!({"params": {"networkServices": {"p": ["DHCP"]}}, "systemTags": ["x::y"]})));
    }

    #[test]
    fn a_path_cannot_be_walked_out_of() {
        for bad in ["", ".", ".."] {
            let refused = shaped("DeleteZone", &json!({"uuid": bad}), Checks::AtServer);
            assert!(matches!(refused, Err(CommandError::PathSegment { .. })), "{bad}");
        }
    }

    #[test]
    fn deletes_carry_everything_in_the_query_string() {
        let request = shaped(
            "DeleteZone",
            &json!({"uuid": "u", "deleteMode": "Enforcing", "systemTags": ["a", "b"]}),
            Checks::Here,
        )
        .expect("complete");
        assert_eq!(request.path, "/zones/u");
        assert!(request.body.is_none());
        let pairs: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["deleteMode=Enforcing", "systemTags=a", "systemTags=b"]);
    }

    #[test]
    fn maps_in_a_query_string_put_the_key_behind_the_name() {
        let request = shaped("LogOut", &json!({"sessionUuid": "s", "clientInfo": {"ip": "1.2.3.4"}}), Checks::Here)
            .expect("fine");
        assert_eq!(request.query, [("clientInfo.ip".to_owned(), "1.2.3.4".to_owned())]);
    }

    #[test]
    fn the_template_that_takes_the_most_is_used() {
        let path = |params: &Value| shaped("GetFreeIp", params, Checks::Here).map(|request| request.path);
        assert_eq!(path(&json!({"l3NetworkUuid": "l"})).expect("fits"), "/l3-networks/l/ip/free");
        assert_eq!(path(&json!({"ipRangeUuid": "r"})).expect("fits"), "/l3-networks/ip-ranges/r/ip/free");
        assert!(matches!(path(&json!({})), Err(CommandError::Missing { .. })));
    }

    #[test]
    fn missing_names_are_told_together_unless_the_server_is_to_judge() {
        let problem = shaped("CreateInstanceOffering", &json!({"name": "x"}), Checks::Here).expect_err("incomplete");
        assert_eq!(problem.to_string(), "CreateInstanceOffering needs cpuNum, memorySize");
        assert!(shaped("CreateInstanceOffering", &json!({"name": "x"}), Checks::AtServer).is_ok());
        let problem = shaped("DeleteZone", &json!({"uuid": "u", "deleteMode": "Maybe"}), Checks::Here);
        assert!(matches!(problem, Err(CommandError::Rule { .. })));
    }

    #[test]
    fn nothing_secret_is_in_the_debug_form() {
        let request = shaped("LogInByAccount", &json!({"accountName": "a", "password": "hunter2"}), Checks::Here);
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
