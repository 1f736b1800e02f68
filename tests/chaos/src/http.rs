//! How a client reaches a node: over HTTP on loopback, or however a simulation has it.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

/// A request to a node's API.
#[derive(Debug, Clone)]
pub struct Request {
    /// The verb.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Beside what belongs to HTTP itself.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent along.
    pub body: Option<Value>,
    /// How long the answer is waited for.
    pub within: Duration,
}

/// A client of HTTP.
#[async_trait]
pub trait Http: Debug + Send + Sync {
    /// Sends `request`; answers the status and the text of the answer.
    ///
    /// # Errors
    /// When there is none, in time.
    async fn send(&self, request: Request) -> anyhow::Result<(u16, String)>;
}

#[async_trait]
impl Http for reqwest::Client {
    async fn send(&self, request: Request) -> anyhow::Result<(u16, String)> {
        let mut sent = self.request(request.method.parse()?, request.url).timeout(request.within);
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        if let Some(body) = &request.body {
            sent = sent.json(body);
        }
        let answer = sent.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }
}
