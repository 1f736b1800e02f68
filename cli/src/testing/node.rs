//! A management node that answers as it is told and remembers what it was asked, over real HTTP on loopback.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Request, Response, StatusCode},
};
use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status and a JSON body.
    Json(u16, Value),
    /// A status and plain text.
    Text(u16, &'static str),
    /// 202, so many polls that say "running", then the end.
    Job { polls: usize, end: Box<Reply> },
    /// As `Job`, but the connection breaks before the 202 is complete.
    LostJob { polls: usize, end: Box<Reply> },
    /// The connection breaks and nothing was done.
    Lost,
}

impl Reply {
    /// A job that ends well after one "running".
    pub(crate) fn job(body: Value) -> Self {
        Self::Job { polls: 1, end: Box::new(Self::Json(200, body)) }
    }

    /// The error envelope.
    pub(crate) fn error(code: &str, details: &str) -> Self {
        Self::Json(503, json!({"error": {"code": code, "description": "what went wrong", "details": details}}))
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `POST /zstack/v1/zones`
    pub(crate) line: String,
    /// The query string, not decoded.
    pub(crate) query: String,
    /// The body; `null` when there is none.
    pub(crate) body: Value,
    /// Authorization, if any.
    pub(crate) authorization: Option<String>,
    /// X-Job-UUID, if any.
    pub(crate) job: Option<String>,
}

#[derive(Default)]
struct Script {
    replies: BTreeMap<String, VecDeque<Reply>>,
    jobs: BTreeMap<String, (usize, Reply)>,
    calls: Vec<Call>,
}

/// The node; it ends with the runtime that started it.
#[derive(Clone)]
pub(crate) struct FakeNode {
    /// `http://127.0.0.1:…`
    pub(crate) endpoint: String,
    script: Arc<Mutex<Script>>,
}

impl FakeNode {
    /// Listens on a free port of the loopback.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback can be bound");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let script = Arc::new(Mutex::new(Script::default()));
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, script }
    }

    /// Answers `line` (`POST /zones`) with `replies` in turn; the last one stays.
    pub(crate) fn on(&self, line: &str, replies: impl IntoIterator<Item = Reply>) -> &Self {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let line = format!("{method} /zstack/v1{path}");
        self.script.lock().expect("not poisoned").replies.insert(line, replies.into_iter().collect());
        self
    }

    /// What was asked so far, polls left out.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let script = self.script.lock().expect("not poisoned");
        script.calls.iter().filter(|call| !call.line.contains("/api-jobs/")).cloned().collect()
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let header = |headers: &HeaderMap, name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    let call = Call {
        line: format!("{} {}", head.method, head.uri.path()),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        authorization: header(&head.headers, "authorization"),
        job: header(&head.headers, "x-job-uuid"),
    };
    let mut script = script.lock().expect("not poisoned");
    script.calls.push(call.clone());
    if head.method == Method::GET
        && let Some((_, id)) = head.uri.path().split_once("/api-jobs/")
    {
        return match script.jobs.get_mut(id) {
            None => respond(&Reply::Text(404, "no such job")),
            Some((0, end)) => respond(end),
            Some((polls, _)) => {
                *polls -= 1;
                respond(&Reply::Json(202, json!({})))
            }
        };
    }
    // A job's id is not known beforehand, so a test tells the progress of all jobs.
    let line = call
        .line
        .split_once("/task-progresses/")
        .map_or(call.line.clone(), |(base, _)| format!("{base}/task-progresses"));
    let Some(replies) = script.replies.get_mut(&line) else {
        return respond(&Reply::Text(404, "no api mapping to it"));
    };
    let reply = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
    let reply = reply.unwrap_or(Reply::Text(500, "the test gave no reply"));
    if let Reply::Job { polls, end } | Reply::LostJob { polls, end } = &reply {
        let id = call.job.expect("every call carries a job id");
        script.jobs.insert(id.clone(), (*polls, (**end).clone()));
        if matches!(reply, Reply::Job { .. }) {
            // The node's own idea of its address need not be the one it was reached by.
            let location = format!("http://198.51.100.1:8080/zstack/v1/api-jobs/{id}");
            return respond(&Reply::Json(202, json!({"location": location, "apiTimeout": 300_000})));
        }
    }
    respond(&reply)
}

fn respond(reply: &Reply) -> Response<Body> {
    let (status, kind, body) = match reply {
        Reply::Json(status, body) => (*status, "application/json;charset=UTF-8", Body::from(body.to_string())),
        Reply::Text(status, text) => (*status, "text/plain", Body::from(*text)),
        Reply::Job { .. } => unreachable!("turned into a 202 before"),
        Reply::LostJob { .. } | Reply::Lost => {
            let broken = std::io::Error::other("the connection breaks here");
            (202, "application/json", Body::from_stream(Broken(Some(broken))))
        }
    };
    let status = StatusCode::from_u16(status).expect("a status");
    Response::builder().status(status).header("content-type", kind).body(body).expect("well-formed")
}

/// A body that breaks off at once.
struct Broken(Option<std::io::Error>);

impl futures::Stream for Broken {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Err))
    }
}
