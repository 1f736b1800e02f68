//! HTTP without a wire: requests are handed to a node's router, after the time that a way takes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use axum::{Router, body::Body};
use cumulo_chaos::{Calls, Http, Request};
use cumulo_kernel::Kernel;
use cumulo_schema::ErrorCode;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};
use tower::ServiceExt;

use crate::outside::Outside;

/// How long a call to build the cloud may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node that answers.
#[derive(Debug, Clone)]
pub struct Door {
    /// Where it lives.
    pub runtime: Handle,
    /// What it answers.
    pub router: Router,
    /// It itself.
    pub kernel: Kernel,
}

/// All nodes that answer.
#[derive(Debug)]
pub struct Doors {
    doors: Mutex<BTreeMap<usize, Door>>,
    outside: Arc<Outside>,
}

impl Doors {
    /// None yet.
    #[must_use]
    pub fn new(outside: Arc<Outside>) -> Self {
        Self { doors: Mutex::default(), outside }
    }

    /// Node `n` answers from now on.
    pub fn open(&self, n: usize, door: Door) {
        self.lock().insert(n, door);
    }

    /// Node `n` is dead.
    pub fn close(&self, n: usize) {
        self.lock().remove(&n);
    }

    /// Node `n`, if it answers.
    #[must_use]
    pub fn of(&self, n: usize) -> Option<Door> {
        self.lock().get(&n).cloned()
    }

    /// How many answer.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Door>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(&self, request: Request) -> anyhow::Result<(u16, String)> {
        sleep(self.outside.delay()).await;
        let address = request.url.strip_prefix("http://node-").context("an address of a node")?;
        let (node, path) = address.split_once('/').context("a path")?;
        let Door { runtime, router, .. } = self.of(node.parse()?).context("nobody listens")?;
        let mut asked = axum::http::Request::builder().method(request.method.as_str()).uri(format!("/{path}"));
        for (name, value) in request.headers {
            asked = asked.header(name, value);
        }
        let asked = match request.body {
            Some(body) => asked.header("Content-Type", "application/json").body(Body::from(body.to_string()))?,
            None => asked.body(Body::empty())?,
        };
        let (answer, answered) = oneshot::channel();
        runtime.spawn(async move {
            let Ok(response) = router.oneshot(asked).await;
            let status = response.status().as_u16();
            if let Ok(body) = response.into_body().collect().await {
                // Who asked may have given up.
                let _ = answer.send((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()));
            }
        });
        let answer = answered.await.context("the connection was reset")?;
        sleep(self.outside.delay()).await;
        Ok(answer)
    }
}

#[async_trait]
impl Http for Doors {
    async fn send(&self, request: Request) -> anyhow::Result<(u16, String)> {
        timeout(request.within, self.exchange(request)).await.context("no answer in time")?
    }
}

/// Where node `n` is.
#[must_use]
pub fn base(n: usize) -> String {
    format!("http://node-{n}/zstack/v1")
}

/// An operator at a node.
#[derive(Debug, Clone)]
pub struct Operator {
    /// All nodes.
    pub doors: Arc<Doors>,
    /// The one that is called.
    pub node: usize,
    /// The session; empty before there is one.
    pub session: String,
}

impl Operator {
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        // Of a job that is under way the end.
        let mut headers = vec![("Prefer", "wait=10".to_owned())];
        if !self.session.is_empty() {
            headers.push(("Authorization", format!("OAuth {}", self.session)));
        }
        let url = format!("{}{path}", base(self.node));
        let request = Request { method: method.to_owned(), url, headers, body, within: PATIENCE };
        let (status, text) = self.doors.send(request).await.expect("the node answers");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

#[async_trait]
impl Calls for Operator {
    async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, ErrorCode> {
        let (mut status, mut answer) = self.ask(method, path, Some(body.clone())).await;
        if status == 202 {
            let job = answer["location"].as_str().and_then(|place| place.rsplit('/').next()).expect("a job").to_owned();
            while status == 202 {
                (status, answer) = self.ask("GET", &format!("/api-jobs/{job}"), None).await;
            }
        }
        match status {
            200 => Ok(answer),
            503 => Err(serde_json::from_value(answer["error"].take()).expect("an error")),
            other => panic!("{method} {path}: {other}: {answer}"),
        }
    }
}
