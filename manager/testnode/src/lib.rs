//! A management node made of the services under test, on a database that goes with it, called as clients call it.
//!
//! A call passes through everything a client's call passes through (route, decoding, rules, existence, permission, job),
//! so a service's tests see what its clients see; only the socket is left out. The bigger sibling, `testkit`, brings a
//! whole simulated world and knows every service; this one knows none, so that each service can use it.

mod caller;
mod everywhere;
mod stranger;

use std::time::{Duration, Instant};

use axum::Router;
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testdb::TestDatabase;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use caller::SessionIsAccount;
pub use stranger::stranger;

/// How long a job may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// A running node.
#[derive(Debug)]
pub struct TestNode {
    kernel: Kernel,
    router: Router,
    credential: String,
    id: Uuid,
    chains: String,
    database: TestDatabase,
}

impl TestNode {
    /// Starts a node of what `install` puts into it.
    ///
    /// Unless `install` brings an authenticator, a session's text is the id of the account it belongs to; calls are made
    /// as the admin.
    ///
    /// # Panics
    /// When the node does not start.
    pub async fn start(install: impl FnOnce(&mut Setup)) -> Self {
        Self::start_with("", install).await
    }

    /// As [`TestNode::start`], of services that have flows: `chains` is the text of their `flows.toml`.
    ///
    /// # Panics
    /// As there.
    pub async fn start_with(chains: &str, install: impl FnOnce(&mut Setup)) -> Self {
        Self::start_in(TestDatabase::new().await, Uuid::random(), chains.to_owned(), install).await
    }

    /// Stops the node and starts one of what `install` brings on the same database, as a restart does.
    ///
    /// # Panics
    /// When the node does not start.
    pub async fn restart(self, install: impl FnOnce(&mut Setup)) -> Self {
        self.kernel.stop().await;
        Self { credential: self.credential, ..Self::start_in(self.database, self.id, self.chains, install).await }
    }

    async fn start_in(database: TestDatabase, id: Uuid, chains: String, install: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::new(database.open().await, id, &database.path().join("key")).expect("a key");
        setup.authenticator(std::sync::Arc::new(SessionIsAccount));
        install(&mut setup);
        let kernel = setup.start(&chains).await.expect("the node starts");
        let router = cumulo_kernel::api::router(kernel.clone());
        Self { kernel, router, credential: Uuid::ADMIN.to_string(), id, chains, database }
    }

    /// The node's kernel.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// From now on calls carry the session `session`.
    pub fn use_session(&mut self, session: impl Into<String>) {
        self.credential = session.into();
    }

    /// Calls an API and, where it is a job, waits for its end. `verb` and `target` (path after `/v1`, with its query) as
    /// in the declaration; `body` is left out where it is null.
    ///
    /// # Errors
    /// What the API answered in its error envelope.
    ///
    /// # Panics
    /// When the answer is none of the API's: a wrong path, a malformed parameter, a job that does not end.
    pub async fn call(&self, verb: &str, target: &str, body: Value) -> Result<Value, ErrorCode> {
        let deadline = Instant::now() + PATIENCE;
        let (mut status, mut answer) = self.exchange(verb, &format!("/zstack/v1{target}"), &body).await;
        if let Some(location) = answer.get("location").and_then(Value::as_str) {
            let job = location.split_once("/zstack/").map(|(_, job)| format!("/zstack/{job}")).expect("a job's path");
            while status == StatusCode::ACCEPTED {
                assert!(Instant::now() < deadline, "the job of {verb} {target} does not end");
                tokio::time::sleep(POLL).await;
                (status, answer) = self.exchange("GET", &job, &Value::Null).await;
            }
        }
        match status {
            StatusCode::OK => Ok(answer),
            StatusCode::SERVICE_UNAVAILABLE => {
                Err(serde_json::from_value(answer["error"].clone()).expect("an error of the declared form"))
            }
            other => panic!("{verb} {target} was answered with {other}: {answer}"),
        }
    }

    /// As [`TestNode::call`], for calls that answer with an inventory.
    ///
    /// # Errors
    /// As there.
    pub async fn inventory(&self, verb: &str, target: &str, body: Value) -> Result<Value, ErrorCode> {
        self.call(verb, target, body).await.map(|answer| answer["inventory"].clone())
    }

    /// The inventories that the Query API at `target` finds.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn query(&self, target: &str) -> Vec<Value> {
        let found = self.call("GET", target, Value::Null).await.expect("a query succeeds");
        found["inventories"].as_array().cloned().unwrap_or_default()
    }

    async fn exchange(&self, verb: &str, uri: &str, body: &Value) -> (StatusCode, Value) {
        let credential = format!("OAuth {}", self.credential);
        self.exchange_with(verb, uri, &[("authorization", &credential)], body).await
    }

    /// Sends one request as it is given, and answers what came back: JSON, or the text of what is none.
    ///
    /// # Panics
    /// When it is no request.
    pub async fn exchange_with(
        &self,
        verb: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (StatusCode, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::builder().method(verb).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(axum::body::Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router always answers");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("the body is in memory").to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }
}
