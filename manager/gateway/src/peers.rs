//! The agents as the gateway talks to them: connection, address, and the URL each of them calls back.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use cumulo_agent_rt::{AgentClient, AgentLink};
use cumulo_kernel::bus::OnEvent;
use cumulo_schema::{ErrorCode, Event, Uuid, codes};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::{
    net::{UdpSocket, lookup_host},
    sync::{OnceCell, watch},
};

use crate::{
    agents::{Agent, Agents},
    callback,
    in_process::Links,
    simulated::Simulated,
    waiters::Waiters,
};

/// One agent.
pub(crate) struct Peer {
    pub(crate) link: Arc<dyn AgentLink>,
    /// For people: `host:port`.
    pub(crate) address: String,
    /// Its machine and port; `None` for one in this process.
    place: Option<(String, u16)>,
    /// The URL it calls back, once it was needed.
    callback: OnceCell<String>,
}

impl Peer {
    /// The URL at which this agent calls `node` back: by its address, or by its id where both are in one process.
    pub(crate) async fn callback(
        &self,
        node: Uuid,
        listen: Option<SocketAddr>,
        advertise: Option<IpAddr>,
    ) -> Result<&str, ErrorCode> {
        let find = || async {
            let (Some((host, port)), Some(listen)) = (&self.place, listen) else {
                return Ok(format!("https://{node}{}", callback::BASE));
            };
            let own = own_address(host, *port, listen, advertise).await.map_err(|cause| {
                let text = format!("no route leads to {}; check the address and the manager's network", self.address);
                ErrorCode::new(codes::HOST_CONNECTION, text).because_of(&cause)
            })?;
            Ok(format!("https://{}{}", SocketAddr::new(own, listen.port()), callback::BASE))
        };
        self.callback.get_or_try_init(find).await.map(String::as_str)
    }
}

/// An agent is somewhere else, or is another, since a node deployed, simulated or forgot it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AgentDeployed {
    pub(crate) agent: Uuid,
}

impl Event for AgentDeployed {
    const NAME: &'static str = "AgentDeployed";
}

#[async_trait]
impl OnEvent<AgentDeployed> for Peers {
    async fn on_event(&self, event: AgentDeployed) -> Result<(), ErrorCode> {
        self.renew(event.agent);
        Ok(())
    }
}

/// How a deployed agent is reached.
pub(crate) enum Wire {
    /// Over the network; this is the manager's own end of every connection.
    Tls(watch::Receiver<Arc<ClientConfig>>),
    /// In this process.
    Links(Arc<dyn Links>),
    /// By what was attached, and in no other way.
    Attached,
}

/// Agents that were talked to; the others are found in the table when they are needed.
pub(crate) struct Peers {
    wire: Wire,
    /// Where simulated machines put their answers.
    waiters: Waiters,
    known: RwLock<HashMap<Uuid, Arc<Peer>>>,
}

impl Peers {
    pub(crate) fn new(wire: Wire, waiters: Waiters) -> Self {
        Self { wire, waiters, known: RwLock::default() }
    }

    pub(crate) async fn get(&self, agents: &Agents, agent: Uuid) -> Result<Arc<Peer>, ErrorCode> {
        if let Some(peer) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&agent) {
            return Ok(peer.clone());
        }
        let row = agents.find(agent).await?;
        let peer = Arc::new(match (row, &self.wire) {
            (Some(row), _) if row.kind.deployed().is_none() => simulated(agent, &self.waiters),
            (Some(row), Wire::Tls(tls)) => remote(row, tls)?,
            (Some(row), Wire::Links(links)) => in_process(agent, links.link(&row)),
            (None, _) | (_, Wire::Attached) => {
                let text = format!("no agent was deployed for {agent}; reconnect the host or storage that it is for");
                return Err(ErrorCode::unreachable(agent, text));
            }
        });
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(agent, peer.clone());
        Ok(peer)
    }

    pub(crate) fn attach(&self, agent: Uuid, link: Arc<dyn AgentLink>) {
        let peer = Arc::new(in_process(agent, link));
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(agent, peer);
    }

    /// What is known of a deployed agent may have changed. One that is attached stays.
    pub(crate) fn renew(&self, agent: Uuid) {
        if !matches!(self.wire, Wire::Attached) {
            self.remove(agent);
        }
    }

    pub(crate) fn remove(&self, agent: Uuid) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&agent);
    }
}

/// An agent in this process.
fn in_process(agent: Uuid, link: Arc<dyn AgentLink>) -> Peer {
    Peer { link, address: format!("in-process:{agent}"), place: None, callback: OnceCell::new() }
}

/// A machine that there is not.
fn simulated(agent: Uuid, waiters: &Waiters) -> Peer {
    let link = Arc::new(Simulated::new(agent, waiters.clone()));
    Peer { link, address: format!("simulated:{agent}"), place: None, callback: OnceCell::new() }
}

/// An agent on a machine of its own.
fn remote(row: Agent, tls: &watch::Receiver<Arc<ClientConfig>>) -> Result<Peer, ErrorCode> {
    let bad = || ErrorCode::invalid(format!("agent {} is recorded with the port {}", row.uuid, row.port));
    let port = u16::try_from(row.port).map_err(|_| bad())?;
    let address = authority(&row.address, port);
    let client = AgentClient::new(&address, tls.clone(), &row.uuid.to_string())
        .map_err(|cause| ErrorCode::invalid(format!("'{address}' is no address of an agent")).because_of(&cause))?;
    Ok(Peer { link: Arc::new(client), address, place: Some((row.address, port)), callback: OnceCell::new() })
}

/// `host:port`, with brackets where an IPv6 address needs them.
fn authority(host: &str, port: u16) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]:{port}"),
        Err(_) => format!("{host}:{port}"),
    }
}

/// The address under which the agent's machine reaches us: connecting a UDP socket asks the routing table and sends
/// nothing.
async fn own_address(host: &str, port: u16, listen: SocketAddr, advertise: Option<IpAddr>) -> io::Result<IpAddr> {
    if let Some(address) = advertise {
        return Ok(address);
    }
    if !listen.ip().is_unspecified() {
        return Ok(listen.ip());
    }
    let target = lookup_host((host, port)).await?.next().ok_or_else(|| io::Error::other("the name has no address"))?;
    let any: SocketAddr = match target {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(target).await?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_address_that_routes_to_the_agent_is_told_to_it() {
        let any = SocketAddr::from(([0, 0, 0, 0], 7443));
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(own_address("127.0.0.9", 7070, any, None).await.expect("routed"), loopback);
        let fixed = IpAddr::from([10, 9, 8, 7]);
        assert_eq!(own_address("127.0.0.9", 7070, any, Some(fixed)).await.expect("given"), fixed);
        let bound = SocketAddr::new(loopback, 7443);
        assert_eq!(own_address("192.0.2.1", 7070, bound, None).await.expect("bound"), loopback);
    }

    #[test]
    fn addresses_of_both_families_are_written_right() {
        assert_eq!(authority("fe80::1", 7070), "[fe80::1]:7070");
        assert_eq!(authority("10.0.0.1", 7070), "10.0.0.1:7070");
        assert_eq!(authority("host.example.org", 7070), "host.example.org:7070");
    }
}
