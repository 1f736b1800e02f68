//! Serving HTTP over TLS: the accept loop of agents and of the manager's callback endpoint.

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
use tokio::{
    io::BufWriter,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Chain;

/// Bytes of frames that are gathered before they are sent: more than most messages have. Each connection has so many.
pub(crate) const GATHERED: usize = 2 << 10;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connections get to end after `stop`.
const DRAIN: Duration = Duration::from_secs(5);
/// After a failing accept (no file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` over TLS (HTTP/2 and HTTP/1.1) until `stop`, then lets requests under way end.
///
/// Each connection takes the newest value of `tls`. Handlers find the client's verified certificate as
/// `Extension<CertificateDer<'static>>`.
pub async fn serve(
    listener: TcpListener,
    tls: watch::Receiver<Arc<ServerConfig>>,
    router: Router,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => {
                let acceptor = TlsAcceptor::from(tls.borrow().clone());
                let (router, watcher) = (router.clone(), graceful.watcher());
                connections.spawn(async move {
                    let stream = match timeout(HANDSHAKE_TIMEOUT, handshake(acceptor, tcp)).await {
                        Ok(Ok(stream)) => stream,
                        Ok(Err(error)) => return warn!(%peer, error = %Chain(&error), "refused a connection"),
                        Err(_) => return debug!(%peer, "a client did not finish its TLS handshake"),
                    };
                    let service = TowerToHyperService::new(with_certificate(router, &stream));
                    let mut server = auto::Builder::new(TokioExecutor::new());
                    server.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
                    // Frames of an answer leave together.
                    let stream = TokioIo::new(BufWriter::with_capacity(GATHERED, stream));
                    let connection = server.serve_connection(stream, service).into_owned();
                    if let Err(error) = watcher.watch(connection).await {
                        debug!(%peer, error = %error, "a connection ended");
                    }
                });
            }
            Err(error) => {
                warn!(error = %Chain(&error), "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // What is not drained by then is dropped with the set.
    _ = timeout(DRAIN, graceful.shutdown()).await;
}

async fn handshake(acceptor: TlsAcceptor, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    tcp.set_nodelay(true)?;
    acceptor.accept(tcp).await
}

fn with_certificate(router: Router, stream: &TlsStream<TcpStream>) -> Router {
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    match certificate {
        Some(certificate) => router.layer(Extension::<CertificateDer<'static>>(certificate.clone().into_owned())),
        None => router,
    }
}
