//! Where agents deliver outcomes, progress, reports and samples: HTTPS, mutual TLS, only certificates of our own authority.
//!
//! Who an agent is, its certificate says; what a body claims must agree. An outcome that nobody waits for (its call gave
//! up, or was another life's) is answered 404, and the agent stops sending it: who still wants it asks again with the same
//! task id.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use cumulo_agent_rt::tls;
use cumulo_proto::{Outcome, Progress, Report, Samples};
use prost::Message;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Gateway, GatewayError};

/// Below which the endpoint's resources lie; part of the callback URL.
pub(crate) const BASE: &str = "/agent/v1";
/// The largest message: a report of a host full of VMs is well below.
const BODY_LIMIT: usize = 16 << 20;
/// How long outcomes are still taken after the kernel was told to stop: as long as it waits for its flows.
const LINGER: Duration = Duration::from_secs(35);

type Certificate = Extension<CertificateDer<'static>>;

/// Listens at `wanted`; answers where that is when the system chose the port.
pub(crate) fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), GatewayError> {
    let bind = || {
        let listener = std::net::TcpListener::bind(wanted)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((TcpListener::from_std(listener)?, address))
    };
    bind().map_err(|cause| GatewayError::Listen { address: wanted, cause })
}

/// Cancels `closing` a while after `stopping`.
pub(crate) async fn close_after(stopping: CancellationToken, closing: CancellationToken) {
    tokio::select! {
        () = closing.cancelled() => return,
        () = stopping.cancelled() => {}
    }
    tokio::select! {
        () = closing.cancelled() => {}
        () = tokio::time::sleep(LINGER) => closing.cancel(),
    }
}

pub(crate) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route(&format!("{BASE}/outcomes"), post(outcome))
        .route(&format!("{BASE}/progress"), post(progress))
        .route(&format!("{BASE}/reports"), post(report))
        .route(&format!("{BASE}/samples"), post(samples))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(gateway)
}

/// The body, if it is of the agent whose certificate this is.
fn decode<M: Message + Default>(
    certificate: &CertificateDer<'_>,
    body: Bytes,
    claimed: impl Fn(&M) -> &str,
) -> Result<M, StatusCode> {
    let message = M::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    match tls::agent_of(certificate) {
        Some(id) if id == claimed(&message) => Ok(message),
        other => {
            tracing::warn!(certificate = ?other, claimed = claimed(&message), "an agent speaks for another; refused");
            Err(StatusCode::FORBIDDEN)
        }
    }
}

async fn outcome(
    State(gateway): State<Gateway>,
    Extension(certificate): Certificate,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let outcome = decode(&certificate, body, |outcome: &Outcome| &outcome.agent)?;
    match gateway.deliver(outcome) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(StatusCode::NOT_FOUND),
    }
}

async fn progress(
    State(gateway): State<Gateway>,
    Extension(certificate): Certificate,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let progress = decode(&certificate, body, |progress: &Progress| &progress.agent)?;
    gateway.progress(&progress);
    Ok(StatusCode::NO_CONTENT)
}

async fn report(
    State(gateway): State<Gateway>,
    Extension(certificate): Certificate,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let report = decode(&certificate, body, |report: &Report| &report.agent)?;
    match gateway.report(report).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => {
            tracing::debug!(%error, "a report is not taken now");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

async fn samples(
    State(gateway): State<Gateway>,
    Extension(certificate): Certificate,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let samples = decode(&certificate, body, |samples: &Samples| &samples.agent)?;
    match gateway.samples(samples).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => {
            tracing::debug!(%error, "samples are not taken now");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
