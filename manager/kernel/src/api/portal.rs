//! API messages of programs outside, over the bus (`docs/message-bus.md`): decoded by name, then checked and done as a call
//! over HTTP is. The answer to an asynchronous one is sent when its job has ended.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cumulo_schema::{ApiKind, ApiMeta, ErrorCode, Uuid, codes, decode_params};
use serde_json::{Map, Value, json};

use super::{
    Call,
    access::Credential,
    dispatch::{self, Body},
    job::{Notify, Polled},
    settings,
};
use crate::{
    Kernel,
    bus::{
        Caller,
        amqp::{Portal, PortalRequest},
        body,
    },
    db::DbError,
    query,
};

/// The longest that a synchronous call may take: its message is with the broker until then, which waits for half an hour.
const LONGEST_SYNCHRONOUS: Duration = Duration::from_mins(25);
/// How long the end of a job here is waited for at a time.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the end of a job of another node is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Serves API messages from the bus as soon as there is one to other programs. Call when the node serves.
pub fn open_portal(kernel: &Kernel) {
    if let Some(amqp) = kernel.bus().amqp() {
        amqp.open_portal(Arc::new(BusPortal(kernel.clone())));
    }
}

struct BusPortal(Kernel);

#[async_trait]
impl Portal for BusPortal {
    async fn serve(&self, request: PortalRequest) -> Vec<u8> {
        match self.find(&request.body) {
            Ok((meta, params)) => {
                let (name, outcome) = (answer_name(meta), self.call(meta, params, &request).await);
                // What was done is done, also where the answer does not fit.
                let fits = body::encode(&name, &answer(outcome));
                let fits = fits.or_else(|error| body::encode(&name, &answer(Err(error))));
                fits.unwrap_or_else(|error| body::encode_error(&error))
            }
            Err(error) => body::encode_error(&error),
        }
    }
}

/// `org.zstack.header.zone.APICreateZoneEvent`; `…Reply` for what is answered at once.
fn answer_name(meta: &ApiMeta) -> String {
    let kind = if meta.is_job { "Event" } else { "Reply" };
    format!("{}.API{}{kind}", meta.java_package, meta.name)
}

fn answer(outcome: Result<Body, ErrorCode>) -> Value {
    match outcome {
        Ok(mut body) => {
            body.insert("success".to_owned(), Value::Bool(true));
            Value::Object(body)
        }
        Err(error) => json!({ "success": false, "error": error }),
    }
}

impl BusPortal {
    /// The API that a body names, and its member.
    fn find(&self, body: &[u8]) -> Result<(&'static ApiMeta, Map<String, Value>), ErrorCode> {
        let form = || ErrorCode::invalid("an API message is a JSON object with one member, named for the API");
        let body: Map<String, Value> = serde_json::from_slice(body).map_err(|cause| form().because_of(&cause))?;
        let mut members = body.into_iter();
        let (Some((name, Value::Object(params))), None) = (members.next(), members.next()) else { return Err(form()) };
        // `org.zstack.header.zone.APICreateZoneMsg`, `APICreateZoneMsg` or `CreateZone`.
        let class = name.rsplit('.').next().unwrap_or_default();
        let verb = class.strip_prefix("API").and_then(|class| class.strip_suffix("Msg")).unwrap_or(class);
        let meta = self.0.apis().meta(verb).filter(|meta| class == name || meta.java_class == name);
        let unknown = || {
            let name: String = name.chars().take(200).collect();
            ErrorCode::new(codes::UNKNOWN_MESSAGE, format!("there is no API message '{name}'"))
        };
        Ok((meta.ok_or_else(unknown)?, params))
    }

    async fn call(
        &self,
        meta: &'static ApiMeta,
        mut params: Map<String, Value>,
        request: &PortalRequest,
    ) -> Result<Body, ErrorCode> {
        let caller = self.caller(meta, params.remove("session")).await?;
        if let ApiKind::Query(resource) = meta.kind {
            return self.query(meta, resource, &caller, &params).await;
        }
        if request.redelivered && !meta.is_job && !meta.is_read() {
            let text = format!("a management node died while it handled {}; it may have done it", meta.name);
            return Err(ErrorCode::new(codes::NODE_UNAVAILABLE, text));
        }
        let params = decode_params(meta, params).map_err(|error| ErrorCode::invalid(error.to_string()))?;
        let timeout = request.timeout.unwrap_or_else(|| settings::timeout(self.0.configs(), meta));
        let call = Call { meta, params, job: request.id, timeout, client_ip: String::new() };
        if !meta.is_job {
            let call = Call { timeout: call.timeout.min(LONGEST_SYNCHRONOUS), ..call };
            return dispatch::run_through(&self.0, caller, call).await;
        }
        let place = self.0.jobs().enter(&self.0).map_err(|busy| busy.error())?;
        match self.0.jobs().accept(&self.0, place, Ok(caller), call, Notify::default()).await {
            Ok(()) => self.ended(request).await,
            // A message that comes again finds its job.
            Err(DbError::Conflict { .. }) if self.0.jobs().is_of(request.id, meta, &caller).await? => {
                self.ended(request).await
            }
            Err(DbError::Conflict { .. }) => Err(taken(request.id)),
            Err(error) => Err(error.into()),
        }
    }

    async fn caller(&self, meta: &ApiMeta, session: Option<Value>) -> Result<Caller, ErrorCode> {
        if !meta.needs_session {
            return Ok(Caller::SYSTEM);
        }
        let uuid = session.as_ref().and_then(|session| session.get("uuid")).and_then(Value::as_str);
        let missing = || ErrorCode::new(codes::INVALID_SESSION, r#"the message has no member "session": {"uuid": …}"#);
        let credential = Credential::Session(uuid.ok_or_else(missing)?.to_owned());
        self.0.authenticator()?.authenticate(&credential).await
    }

    /// What the request's job, which is recorded, ended with.
    async fn ended(&self, request: &PortalRequest) -> Result<Body, ErrorCode> {
        request.recorded.notify_one();
        let id = request.id;
        loop {
            match self.0.jobs().poll(&self.0, id, PATIENCE).await? {
                Polled::Ended { outcome, .. } => return outcome,
                Polled::Unknown => return Err(taken(id)),
                Polled::Running => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn query(
        &self,
        meta: &ApiMeta,
        resource: &str,
        caller: &Caller,
        params: &Map<String, Value>,
    ) -> Result<Body, ErrorCode> {
        let undeclared = || ErrorCode::internal(format!("{} queries nothing declared", meta.name));
        let target = self.0.query().schema().resource(resource).ok_or_else(undeclared)?;
        let pairs = pairs(params)?;
        let select = query::parse_request(target, &pairs, None).map_err(|error| match error {
            query::RequestError::Malformed(text) => ErrorCode::invalid(text),
            query::RequestError::Refused(error) => error,
        })?;
        dispatch::query(&self.0, caller, &select).await
    }
}

/// The answer to who sends another's id, which says no more of it.
fn taken(id: Uuid) -> ErrorCode {
    ErrorCode::invalid(format!("there is another job {id}; give the message a fresh id"))
}

/// The members of a query message, as the pairs of a query string: they mean the same.
fn pairs(params: &Map<String, Value>) -> Result<Vec<(String, String)>, ErrorCode> {
    let mut pairs = Vec::new();
    for (name, value) in params {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("conditions", Value::Array(conditions)) => {
                for each in conditions {
                    pairs.push(("q".to_owned(), condition(each)?));
                }
            }
            ("fields", Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                pairs.push(("fields".to_owned(), names.join(",")));
            }
            ("sortBy", Value::String(field)) => {
                let descending = params.get("sortDirection").and_then(Value::as_str) == Some("desc");
                let sign = if descending { "-" } else { "+" };
                pairs.push(("sort".to_owned(), format!("{sign}{field}")));
            }
            (_, Value::String(text)) => pairs.push((name.clone(), text.clone())),
            (_, Value::Number(_) | Value::Bool(_)) => pairs.push((name.clone(), value.to_string())),
            _ => return Err(ErrorCode::invalid(format!("the member '{name}' of a query message has a wrong form"))),
        }
    }
    Ok(pairs)
}

/// `"name=value"`, or `{"name": …, "op": …, "value": …}`.
fn condition(value: &Value) -> Result<String, ErrorCode> {
    let text = |member: &str| value.get(member).and_then(Value::as_str);
    match (value.as_str(), text("name"), text("op")) {
        (Some(condition), ..) => Ok(condition.to_owned()),
        (None, Some(name), Some(op)) => match value.get("value") {
            None | Some(Value::Null) => Ok(format!("{name} {op}")),
            Some(Value::String(value)) => Ok(format!("{name}{op}{value}")),
            Some(value) => Ok(format!("{name}{op}{value}")),
        },
        _ => Err(ErrorCode::invalid("a condition is \"name=value\" or has the members name, op and value")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_message_means_what_the_query_string_means() {
        let params = json!({ "conditions": ["name=a", { "name": "state", "op": "!=", "value": "Enabled" },
                                            { "name": "size", "op": ">", "value": 7 }, { "name": "d", "op": "is null" }],
                             "limit": 3, "replyWithCount": true, "fields": ["uuid", "name"], "sortBy": "name",
                             "sortDirection": "desc", "start": null });
        let mut found = pairs(params.as_object().expect("an object")).expect("well formed");
        found.sort();
        let wanted = [
            ("fields", "uuid,name"),
            ("limit", "3"),
            ("q", "d is null"),
            ("q", "name=a"),
            ("q", "size>7"),
            ("q", "state!=Enabled"),
            ("replyWithCount", "true"),
            ("sort", "-name"),
            ("sortDirection", "desc"),
        ];
        assert_eq!(found, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for bad in [json!({ "conditions": [7] }), json!({ "limit": {} })] {
            assert!(pairs(bad.as_object().expect("an object")).is_err(), "{bad}");
        }
    }
}
