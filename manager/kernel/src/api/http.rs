//! HTTP in and out: the envelope of wire.md §1–§5. What an API means is none of this file's business.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body as HttpBody,
    extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cumulo_schema::{ApiKind, ApiMeta, ErrorCode, Method, Uuid, decode_params};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{
    Call,
    access::Credential,
    admission::{Busy, Place},
    dispatch,
    dispatch::Body,
    job::{Notify, Polled},
    openapi, projection,
    route::Match,
    settings, signature,
};
use crate::{Kernel, bus::Caller, cluster, db::DbError, hook, query};

/// Largest body a client may send, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Proxies cut idle connections after a minute.
const LONGEST_POLL: Duration = Duration::from_secs(50);
const BASE: &str = "/zstack/v1";
const JOBS: &str = "/api-jobs/";

/// The routes of the API listener.
pub fn router(kernel: Kernel) -> Router {
    Router::new().fallback(serve).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(kernel)
}

/// A refusal outside the error envelope: status and one line of text.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, text.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, [(header::CONTENT_TYPE, "text/plain;charset=UTF-8")], self.1).into_response()
    }
}

async fn serve(State(kernel): State<Kernel>, request: Request) -> Response {
    answer(&kernel, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(kernel: &Kernel, request: Request) -> Result<Response, Refusal> {
    let path = percent_decoded(request.uri().path())?;
    let path = path.strip_prefix("/zstack").unwrap_or(&path);
    let Some(path) = path.strip_prefix("/v1").map(str::to_owned) else {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("no api mapping to {path}; APIs are under {BASE}")));
    };
    let method = match request.method().as_str() {
        "GET" | "HEAD" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        other => return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, format!("the verb {other} is not served"))),
    };
    let (verb, headers) = (request.method().to_string(), request.headers().clone());
    if let Some(id) = path.strip_prefix(JOBS) {
        return match method {
            Method::Get => poll(kernel, id, &headers).await,
            _ => Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "jobs can only be read".to_owned())),
        };
    }
    // Not so of jobs above: to their client an error is the end, and what is recorded stays true.
    if kernel.cluster().is_fenced() {
        let mut response = ended(None, &Err(cluster::fenced()));
        response.headers_mut().insert(header::RETRY_AFTER, 1.into());
        return Ok(response);
    }
    if path == "/openapi.json" && method == Method::Get {
        return Ok(json_response(StatusCode::OK, openapi::document(kernel).to_string()));
    }
    let found = kernel
        .apis()
        .routes
        .find(method, &path)
        .ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("no api mapping to {path}")))?;
    if !found.serves(method) {
        return Err(Refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("no api of the verb {} at {path}", method.as_str()),
        ));
    }
    let client_ip = client_ip(&request, &headers);
    let pairs = query_pairs(request.uri().query().unwrap_or_default())?;
    let given = match method {
        Method::Get | Method::Delete => Given { wrapper: Map::new(), pairs },
        Method::Post | Method::Put => Given { wrapper: body(request).await?, pairs },
    };
    let request = Incoming { kernel, method, verb, path: format!("/v1{path}"), headers, client_ip };
    request.call(&found, given).await
}

/// What a client sent beside path and headers.
struct Given {
    wrapper: Map<String, Value>,
    pairs: Vec<(String, String)>,
}

struct Incoming<'k> {
    kernel: &'k Kernel,
    method: Method,
    /// The verb as it was sent.
    verb: String,
    /// From `/v1` on, decoded.
    path: String,
    headers: HeaderMap,
    client_ip: String,
}

impl Incoming<'_> {
    async fn call(&self, found: &Match<'_>, given: Given) -> Result<Response, Refusal> {
        let route = self.pick(found, &given.wrapper)?;
        let meta = route.meta;
        // First of all: a node that has too much to do does nothing for a call that it will not take.
        let place = match meta.is_job.then(|| self.kernel.jobs().enter(self.kernel)).transpose() {
            Ok(place) => place,
            Err(busy) => return Ok(come_back(busy)),
        };
        let credential = self.credential(meta)?;
        let job = self.job_uuid()?;
        let caller = self.caller(meta, &credential).await;
        let variables: Vec<(&str, &str)> = found.variables(route).collect();
        if let ApiKind::Query(resource) = meta.kind {
            let uuid = variables.first().map(|(_, value)| *value);
            return self.query(meta, resource, caller, &given.pairs, uuid).await;
        }
        let mut params = match meta.body_key {
            Some(key) => unwrapped(given.wrapper, key, found.apis.len() == 1)?,
            None => from_pairs(meta, given.pairs)?,
        };
        for (name, value) in variables {
            params.insert(name.to_owned(), Value::String(value.to_owned()));
        }
        let params = decode_params(meta, params).map_err(|error| Refusal::bad(error.to_string()))?;
        let call = Call { meta, params, job, timeout: self.timeout(meta)?, client_ip: self.client_ip.clone() };
        match place {
            Some(place) => self.accept(place, caller, call).await,
            None => Ok(self.run(caller, call).await),
        }
    }

    /// Which of the APIs at a template is meant.
    fn pick<'m>(&self, found: &'m Match<'_>, body: &Map<String, Value>) -> Result<&'m super::route::Route, Refusal> {
        let apis = || {
            found.apis.iter().filter(|route| match self.method {
                Method::Get | Method::Delete => route.meta.method == self.method,
                Method::Post | Method::Put => matches!(route.meta.method, Method::Post | Method::Put),
            })
        };
        let of_verb = || apis().filter(|route| route.meta.method == self.method);
        let by_key = || apis().find(|route| route.meta.body_key.is_some_and(|key| body.contains_key(key)));
        let single = |mut routes: Box<dyn Iterator<Item = &'m super::route::Route> + '_>| {
            routes.next().filter(|_| routes.next().is_none())
        };
        let picked = match self.method {
            Method::Get | Method::Delete | Method::Post => of_verb().next().or_else(|| single(Box::new(apis()))),
            Method::Put => by_key().or_else(|| single(Box::new(of_verb()))).or_else(|| single(Box::new(apis()))),
        };
        picked.ok_or_else(|| {
            let keys: Vec<_> = apis().filter_map(|route| route.meta.body_key).collect();
            Refusal::bad(format!("the body must hold one of the actions {}", keys.join(", ")))
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn credential(&self, meta: &ApiMeta) -> Result<Credential, Refusal> {
        let Some(text) = self.header("authorization") else {
            return match meta.needs_session {
                true => Err(Refusal::bad("missing header 'Authorization'")),
                false => Ok(Credential::None),
            };
        };
        if !meta.needs_session {
            return Ok(Credential::None);
        }
        if let Some(session) = text.strip_prefix("OAuth") {
            return Ok(Credential::Session(session.trim().to_owned()));
        }
        match text.strip_prefix("ZStack") {
            Some(rest) => signature::read(rest, &self.verb, &self.headers, &self.path),
            None => Err(Refusal::bad(
                "the header 'Authorization' must be 'OAuth <session uuid>' or 'ZStack <access key id>:<signature>'",
            )),
        }
    }

    async fn caller(&self, meta: &ApiMeta, credential: &Credential) -> Result<Caller, ErrorCode> {
        if !meta.needs_session {
            return Ok(Caller::SYSTEM);
        }
        self.kernel.authenticator()?.authenticate(credential).await
    }

    fn job_uuid(&self) -> Result<Uuid, Refusal> {
        match self.header("x-job-uuid") {
            None => Ok(Uuid::random()),
            Some(text) => text.trim().parse().map_err(|bad| Refusal::bad(format!("header X-Job-UUID: {bad}"))),
        }
    }

    fn timeout(&self, meta: &ApiMeta) -> Result<Duration, Refusal> {
        match self.header("x-api-timeout") {
            None => Ok(settings::timeout(self.kernel.configs(), meta)),
            Some(text) => {
                let seconds = text.trim().parse().ok().filter(|seconds| (1..=30 * 24 * 3600).contains(seconds));
                let refuse = || Refusal::bad("header X-API-Timeout must be a whole number of seconds, at most 30 days");
                seconds.map(Duration::from_secs).ok_or_else(refuse)
            }
        }
    }

    fn wants_schema(&self) -> bool {
        self.headers.contains_key("x-json-schema")
    }

    async fn query(
        &self,
        meta: &'static ApiMeta,
        resource: &str,
        caller: Result<Caller, ErrorCode>,
        pairs: &[(String, String)],
        uuid: Option<&str>,
    ) -> Result<Response, Refusal> {
        let declared = self.kernel.query().schema().resource(resource);
        let Some(target) = declared else {
            return Ok(ended(None, &Err(ErrorCode::internal(format!("{} queries nothing declared", meta.name)))));
        };
        let select = match query::parse_request(target, pairs, uuid) {
            Ok(select) => select,
            Err(query::RequestError::Malformed(text)) => return Err(Refusal::bad(text)),
            Err(query::RequestError::Refused(error)) => return Ok(ended(None, &Err(error))),
        };
        let since = Instant::now();
        let body = match caller {
            Ok(caller) => dispatch::query(self.kernel, &caller, &select).await,
            Err(error) => Err(error),
        };
        self.kernel.metrics().called(meta.name, body.is_ok(), since.elapsed());
        Ok(ended(Some((self.kernel, meta)), &body))
    }

    async fn run(&self, caller: Result<Caller, ErrorCode>, call: Call) -> Response {
        let meta = call.meta;
        let outcome = match caller {
            Ok(caller) => dispatch::run_through(self.kernel, caller, call).await,
            Err(error) => Err(error),
        };
        ended(self.wants_schema().then_some((self.kernel, meta)), &outcome)
    }

    async fn accept(&self, place: Place, caller: Result<Caller, ErrorCode>, call: Call) -> Result<Response, Refusal> {
        let web_hook = self.header("x-web-hook").map(str::to_owned);
        if let Some(url) = &web_hook {
            hook::check_url(url).map_err(|problem| Refusal::bad(format!("header X-Web-Hook: {problem}")))?;
        }
        let notify = Notify { web_hook, with_schema: self.wants_schema() };
        let (job, timeout) = (call.job, call.timeout);
        match self.kernel.jobs().accept(self.kernel, place, caller, call, notify).await {
            Ok(()) => {
                let host = self.header("host").unwrap_or("127.0.0.1:8080");
                let location = format!("http://{host}{BASE}{JOBS}{job}");
                let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                let body = json!({ "location": location, "apiTimeout": timeout });
                Ok(json_response(StatusCode::ACCEPTED, body.to_string()))
            }
            Err(DbError::Conflict { .. }) => {
                Err(Refusal::bad(format!("there is a job with the X-Job-UUID {job} already; choose another")))
            }
            Err(error) => Ok(ended(None, &Err(error.into()))),
        }
    }
}

async fn poll(kernel: &Kernel, id: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
    let unknown = || Refusal(StatusCode::NOT_FOUND, "unable to find the job; it never was or has expired".to_owned());
    let id: Uuid = id.trim_matches('/').parse().map_err(|_| unknown())?;
    let wait = preferred_wait(headers);
    let mut response = match kernel.jobs().poll(kernel, id, wait.unwrap_or_default()).await {
        Ok(Polled::Running) => json_response(StatusCode::ACCEPTED, "{}".to_owned()),
        Ok(Polled::Unknown) => return Err(unknown()),
        Ok(Polled::Ended { meta, outcome }) => {
            let meta = meta.filter(|_| headers.contains_key("x-json-schema"));
            ended(meta.map(|meta| (kernel, meta)), &outcome)
        }
        Err(error) => ended(None, &Err(error)),
    };
    if let Some(wait) = wait
        && let Ok(applied) = format!("wait={}", wait.as_secs()).parse()
    {
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

/// How long a poll may be held until the job ends: `Prefer: wait=<seconds>` (RFC 7240, §4.3), at most [`LONGEST_POLL`].
fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let seconds = preferences
        .flat_map(|list| list.split([',', ';']))
        .find_map(|preference| preference.trim().strip_prefix("wait=")?.trim_matches('"').parse().ok())?;
    Some(Duration::from_secs(seconds).min(LONGEST_POLL))
}

/// 503 with the error envelope, and when to try again. Nothing was recorded.
fn come_back(busy: Busy) -> Response {
    let mut response = ended(None, &Err(busy.error()));
    response.headers_mut().insert(header::RETRY_AFTER, busy.seconds().into());
    response
}

/// 200 with the body, or 503 with the error envelope.
fn ended(schema: Option<(&Kernel, &'static ApiMeta)>, outcome: &Result<Body, ErrorCode>) -> Response {
    let status = if outcome.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json_response(status, body_text(schema, outcome))
}

/// What a client reads at the end of a call, with the `schema` map where it is wanted.
pub(super) fn body_text(schema: Option<(&Kernel, &'static ApiMeta)>, outcome: &Result<Body, ErrorCode>) -> String {
    match outcome {
        Ok(body) => {
            let mut body = body.clone();
            if let Some((kernel, meta)) = schema {
                let map = projection::schema_of(kernel.query().schema(), meta, &body);
                body.insert("schema".to_owned(), Value::Object(map));
            }
            Value::Object(body).to_string()
        }
        Err(error) => json!({ "error": error }).to_string(),
    }
}

fn json_response(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json;charset=UTF-8")], text).into_response()
}

async fn body(request: Request<HttpBody>) -> Result<Map<String, Value>, Refusal> {
    let bytes = Bytes::from_request(request, &()).await.map_err(|rejected| {
        let status = rejected.status();
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal(status, format!("the body may have at most {MAX_BODY} bytes")),
            _ => Refusal::bad("the body could not be read"),
        }
    })?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(Refusal::bad("the body must be a JSON object")),
        Err(cause) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("the body is no JSON: {cause}"))),
    }
}

/// The parameters inside the body: under the API's key, or `params`, or, at a template of one API, not wrapped at all.
fn unwrapped(mut body: Map<String, Value>, key: &str, alone: bool) -> Result<Map<String, Value>, Refusal> {
    let tags: Vec<_> = ["systemTags", "userTags"].into_iter().filter_map(|name| body.remove_entry(name)).collect();
    let mut params = match body.remove(key).or_else(|| body.remove("params")) {
        Some(Value::Object(params)) => params,
        Some(Value::Null) => Map::new(),
        Some(_) => return Err(Refusal::bad(format!("the member '{key}' of the body must be an object"))),
        None if alone || body.is_empty() => Map::new(),
        None => return Err(Refusal::bad(format!("the body has no member '{key}'"))),
    };
    // Where both levels have tags, the outer ones win (wire.md §3).
    params.extend(tags);
    Ok(params)
}

/// Parameters of a GET or DELETE: scalars once, lists repeated or indexed, maps dotted.
fn from_pairs(meta: &ApiMeta, pairs: Vec<(String, String)>) -> Result<Map<String, Value>, Refusal> {
    use cumulo_schema::ParamKind;
    let mut params = Map::new();
    let mut indexed: Vec<(usize, &'static str, String)> = Vec::new();
    for (name, value) in pairs {
        let (base, rest) = name.split_once('.').map_or((name.as_str(), None), |(base, rest)| (base, Some(rest)));
        let Some(param) = meta.param(base) else { continue };
        if base == "deleteMode" && value.is_empty() {
            continue;
        }
        match (param.kind, rest) {
            (ParamKind::StringList | ParamKind::LongList, Some(index)) => {
                let index = index.parse().map_err(|_| Refusal::bad(format!("'{name}' is no index of a list")))?;
                indexed.push((index, param.name, value));
            }
            (ParamKind::StringList | ParamKind::LongList, None) => push(&mut params, param.name, value),
            (ParamKind::StringMap | ParamKind::StringListMap, Some(key)) => {
                let entry = params.entry(param.name).or_insert_with(|| Value::Object(Map::new()));
                let clash = entry.as_object_mut().and_then(|map| map.insert(key.to_owned(), Value::String(value)));
                if clash.is_some() {
                    return Err(Refusal::bad(format!("the key '{name}' is given twice")));
                }
            }
            (_, Some(_)) => return Err(Refusal::bad(format!("'{base}' is no map or list"))),
            (_, None) => {
                if params.insert(param.name.to_owned(), Value::String(value)).is_some() {
                    return Err(Refusal::bad(format!("the parameter '{name}' is given twice")));
                }
            }
        }
    }
    indexed.sort_by_key(|(index, _, _)| *index);
    for (_, name, value) in indexed {
        push(&mut params, name, value);
    }
    Ok(params)
}

fn push(params: &mut Map<String, Value>, name: &str, value: String) {
    if let Value::Array(items) = params.entry(name).or_insert_with(|| Value::Array(vec![])) {
        items.push(Value::String(value));
    }
}

fn query_pairs(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let decode = |text: &str| percent_decoded(&text.replace('+', " "));
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Ok((decode(name)?, decode(value)?))
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn percent_decoded(text: &str) -> Result<String, Refusal> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Refusal::bad("the address is not UTF-8"))
}

/// The client's address, as proxies tell it (wire.md §2).
fn client_ip(request: &Request, headers: &HeaderMap) -> String {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded = header("x-forwarded-for").and_then(|list| list.split(',').next()).or_else(|| header("x-real-ip"));
    let told = forwarded.map(str::trim).filter(|text| text.parse::<std::net::IpAddr>().is_ok());
    let socket = || request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    told.map(str::to_owned).or_else(socket).unwrap_or_default()
}
