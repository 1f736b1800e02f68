//! Callbacks over HTTP/2 and mutual TLS.
//!
//! Whatever address the URL names, the other end must prove to be `manager.cumulo`: managers are reached by address,
//! and the addresses of a management node change more often than its role. Connections are kept, one per authority.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_proto::{Outcome, Progress, Report, Samples};
use http::{Request, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use prost::Message;
use tokio::sync::watch;
use tonic::{body::Body, transport::Channel};
use tower::{Service, ServiceExt};

use super::{Callbacks, PostError};
use crate::tls::{self, Connector, MANAGER_NAME};

const POST_TIMEOUT: Duration = Duration::from_secs(10);

/// The real [`Callbacks`].
pub struct HttpCallbacks {
    tls: watch::Receiver<Arc<rustls::ClientConfig>>,
    channels: Mutex<HashMap<String, Channel>>,
}

impl HttpCallbacks {
    /// Presents the certificate of `tls`, whose newest value is used for each new connection.
    pub fn new(tls: watch::Receiver<Arc<rustls::ClientConfig>>) -> Self {
        Self { tls, channels: Mutex::default() }
    }

    async fn post(&self, base: &str, what: &str, body: Vec<u8>) -> Result<(), PostError> {
        let url = format!("{}/{what}", base.trim_end_matches('/'));
        let unreachable =
            |cause: Box<dyn std::error::Error + Send + Sync>| PostError::Unreachable { url: url.clone(), cause };
        let uri: Uri = url.parse().map_err(|e: http::uri::InvalidUri| unreachable(e.into()))?;
        let mut channel = self.channel(&uri).map_err(&unreachable)?;
        let request = Request::post(uri)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(Body::new(Full::new(Bytes::from(body))))
            .map_err(|e| unreachable(e.into()))?;
        let answer = async { channel.ready().await?.call(request).await };
        let answer = tokio::time::timeout(POST_TIMEOUT, answer).await.map_err(|e| unreachable(e.into()))?;
        match answer.map_err(|e| unreachable(e.into()))?.status().as_u16() {
            200..=299 => Ok(()),
            404 | 410 => Err(PostError::Unwanted { url }),
            status => Err(PostError::Refused { url, status }),
        }
    }

    fn channel(&self, uri: &Uri) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        let authority = uri.authority().ok_or("the callback URL names no host")?.to_string();
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&authority) {
            return Ok(channel.clone());
        }
        let connector = Connector::new(self.tls.clone(), tls::server_name(MANAGER_NAME)?);
        let channel = connector.lazy_channel(&authority)?;
        channels.insert(authority, channel.clone());
        Ok(channel)
    }
}

#[async_trait]
impl Callbacks for HttpCallbacks {
    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        self.post(base, "outcomes", outcome.encode_to_vec()).await
    }

    async fn progress(&self, base: &str, progress: &Progress) -> Result<(), PostError> {
        self.post(base, "progress", progress.encode_to_vec()).await
    }

    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError> {
        self.post(base, "reports", report.encode_to_vec()).await
    }

    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError> {
        self.post(base, "samples", samples.encode_to_vec()).await
    }
}
