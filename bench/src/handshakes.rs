//! Connections and nothing else: accept, and a handshake of mutual TLS with certificates as those of agents.

use std::{net::SocketAddr, time::Instant};

use cumulo_agent_rt::{sim::Authority, tls};
use futures::{StreamExt, TryStreamExt, stream};
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::count;

/// What both call themselves.
const AGENT: &str = "d0000000000000000000000000000001";

/// So many connections to agents, `at_once` at a time, both sides in this process; how many a second.
pub(crate) async fn rate(many: usize, at_once: usize) -> anyhow::Result<f64> {
    let authority = Authority::new()?;
    let name = tls::agent_name(AGENT);
    let (agent, manager) = (authority.issue(&name)?.identity()?, authority.issue(tls::MANAGER_NAME)?.identity()?);
    let (acceptor, connector) =
        (TlsAcceptor::from(tls::agent_server(&agent)?), TlsConnector::from(tls::client(&manager)?));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let accepting = tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // One that fails is missed by who connects.
            tokio::spawn(async move { acceptor.accept(tcp).await });
        }
    });
    let name = ServerName::try_from(name)?;
    let begun = Instant::now();
    let connected = stream::iter(0..many).map(|_| {
        let (connector, name) = (connector.clone(), name.clone());
        async move {
            let connecting =
                tokio::spawn(async move { connector.connect(name, TcpStream::connect(address).await?).await });
            // Kept until all are there, as agents are.
            anyhow::Ok(connecting.await??)
        }
    });
    let connected: Vec<_> = connected.buffer_unordered(at_once).try_collect().await?;
    let rate = count(connected.len()) / begun.elapsed().as_secs_f64();
    accepting.abort();
    Ok(rate)
}
