//! One request and its answer.

use std::{path::Path, sync::Arc, time::Duration};

use cumulo_schema::Uuid;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header::AUTHORIZATION};
use serde_json::Value;

use super::{AccessKey, ApiError, CallError, Endpoint, Progress};
use crate::command::Request;

/// The longest a synchronous call takes inside the server, and a bit.
const SYNC_TIMEOUT: Duration = Duration::from_secs(310);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Texts of refusals are shown up to this many characters.
const SHOWN: usize = 2000;

/// Whom an `https` endpoint must prove itself to.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// The authorities this machine trusts.
    #[default]
    System,
    /// These certificates, in PEM, as well.
    Also(Vec<u8>),
}

impl Trust {
    /// The authorities in the PEM file `path`, besides the machine's.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn file(path: &Path) -> std::io::Result<Self> {
        std::fs::read(path).map(Self::Also)
    }
}

/// A connection to one management node.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) endpoint: Arc<Endpoint>,
    key: Option<Arc<AccessKey>>,
}

impl Client {
    /// A client of the node at `endpoint`; nothing is sent yet.
    ///
    /// # Errors
    /// When the trusted certificates cannot be used.
    pub fn new(endpoint: Endpoint, trust: &Trust) -> Result<Self, reqwest::Error> {
        // Another part of the program may have chosen one before; then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("cumulo/", env!("CARGO_PKG_VERSION")));
        if endpoint.is_loopback() {
            builder = builder.no_proxy();
        }
        if let Trust::Also(pem) = trust {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
        }
        Ok(Self { http: builder.build()?, endpoint: Arc::new(endpoint), key: None })
    }

    /// The same client, signing its calls with `key`, if there is one, whatever session there may be.
    #[must_use]
    pub fn signing_with(self, key: Option<AccessKey>) -> Self {
        Self { key: key.map(Arc::new), ..self }
    }

    /// Where it talks to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Calls and waits for the end, however long the job takes.
    ///
    /// # Errors
    /// As [`CallError`] lists.
    pub async fn call(
        &self,
        request: &Request,
        session: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Value, CallError> {
        let job = Uuid::random().to_string();
        match self.send(request, session, &job).await {
            Ok(Sent::Answered(answer)) => Ok(answer),
            Ok(Sent::Accepted(accepted)) => self.follow(request, session, &accepted, progress).await,
            // The request may have arrived and its answer been lost: the id that went with it tells.
            Err(CallError::Unreachable { cause, .. }) if request.api.is_job && !cause.is_connect() => {
                self.find_out(request, session, &job, cause, progress).await
            }
            Err(error) => Err(error),
        }
    }

    async fn send(&self, request: &Request, session: Option<&str>, job: &str) -> Result<Sent, CallError> {
        let sent = self.build(request, session).header("X-Job-UUID", job).timeout(SYNC_TIMEOUT).send().await;
        let response = sent.map_err(|cause| self.unreachable(cause))?;
        match response.status() {
            StatusCode::ACCEPTED => self.json(response).await.map(Sent::Accepted),
            _ => self.answer(response).await.map(Sent::Answered),
        }
    }

    fn build(&self, request: &Request, session: Option<&str>) -> RequestBuilder {
        let method = match request.api.method {
            cumulo_schema::Method::Get => Method::GET,
            cumulo_schema::Method::Post => Method::POST,
            cumulo_schema::Method::Put => Method::PUT,
            cumulo_schema::Method::Delete => Method::DELETE,
        };
        let url = format!("{}{}", self.endpoint.base(), request.path);
        let mut builder = self.http.request(method.clone(), url);
        if !request.query.is_empty() {
            builder = builder.query(&request.query);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        match &self.key {
            _ if !request.api.needs_session => builder,
            Some(key) => key.sign(builder, &method, &request.path),
            None => authorized(builder, session),
        }
    }

    /// A GET of `path`, with at most `timeout` for all of it.
    pub(super) fn get(&self, path: &str, timeout: Duration) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.endpoint.base())).timeout(timeout)
    }

    /// The end of a call: 200, or one of the error families.
    pub(super) async fn answer(&self, response: Response) -> Result<Value, CallError> {
        let status = response.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        if status.is_success() {
            return self.json(response).await;
        }
        let text = response.text().await.map_err(|cause| self.unreachable(cause))?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        if let Some(error) = body.as_ref().and_then(ApiError::read) {
            return Err(CallError::Api(Box::new(error)));
        }
        if status.is_redirection() || matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::UNAUTHORIZED) {
            return Err(self.foreign(status, "something that is not the API's"));
        }
        let text: String = text.trim().chars().take(SHOWN).collect();
        let text = if text.is_empty() { "no reason given".to_owned() } else { text };
        Err(CallError::Refused { status, text })
    }

    pub(super) async fn json(&self, response: Response) -> Result<Value, CallError> {
        let status = response.status();
        let bytes = response.bytes().await.map_err(|cause| self.unreachable(cause))?;
        match serde_json::from_slice(&bytes) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(self.foreign(status, "a body that is no JSON object")),
        }
    }

    /// The URL goes from the error, since query strings and paths can hold a session.
    pub(super) fn unreachable(&self, cause: reqwest::Error) -> CallError {
        CallError::Unreachable { endpoint: self.endpoint.to_string(), cause: cause.without_url() }
    }

    pub(super) fn foreign(&self, status: StatusCode, what: &'static str) -> CallError {
        CallError::Foreign { endpoint: self.endpoint.to_string(), status, what }
    }
}

/// What a request came to.
enum Sent {
    /// The answer.
    Answered(Value),
    /// A job: the body of the 202.
    Accepted(Value),
}

/// Adds the session's header.
pub(super) fn authorized(builder: RequestBuilder, session: Option<&str>) -> RequestBuilder {
    let Some(session) = session else { return builder };
    let mut value = match reqwest::header::HeaderValue::from_str(&format!("OAuth {session}")) {
        Ok(value) => value,
        // Not a header value, so no session either: the server says so better than a library does.
        Err(_) => return builder,
    };
    value.set_sensitive(true);
    builder.header(AUTHORIZATION, value)
}
