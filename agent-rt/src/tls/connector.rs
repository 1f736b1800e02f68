//! Dialling an address and expecting a name there.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{io::BufWriter, net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use crate::server::GATHERED;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Gathers the frames of a message, each of which would else be a TLS record, a packet and a system call of its own.
type Connection = TokioIo<BufWriter<TlsStream<TcpStream>>>;

/// Connects to the address of a URI with TLS and wants the other end to be `name`, whatever the URI says.
#[derive(Clone)]
pub struct Connector {
    tls: watch::Receiver<Arc<ClientConfig>>,
    name: ServerName<'static>,
}

impl Connector {
    /// Each new connection uses the newest value of `tls`, so that renewed certificates are taken without a restart.
    pub fn new(tls: watch::Receiver<Arc<ClientConfig>>, name: ServerName<'static>) -> Self {
        Self { tls, name }
    }

    /// An HTTP/2 channel to `authority` (`host:port`) that connects when it is first used and again when it has to.
    ///
    /// # Errors
    /// When `authority` is none.
    pub fn lazy_channel(self, authority: &str) -> Result<Channel, tonic::transport::Error> {
        // The scheme says nothing about TLS here: the connector speaks it in any case.
        let endpoint = Endpoint::from_shared(format!("http://{authority}"))?
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .keep_alive_timeout(CONNECT_TIMEOUT);
        Ok(endpoint.connect_with_connector_lazy(self))
    }

    async fn connect(self, uri: Uri) -> io::Result<Connection> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(443);
        let tls = TlsConnector::from(self.tls.borrow().clone());
        let connected = timeout(CONNECT_TIMEOUT, async {
            let tcp = TcpStream::connect((host.as_str(), port)).await?;
            tcp.set_nodelay(true)?;
            tls.connect(self.name, tcp).await
        });
        let stream = connected.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(TokioIo::new(BufWriter::with_capacity(GATHERED, stream)))
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
