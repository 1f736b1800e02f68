//! The manager's end: sending commands to an agent.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_proto::{Accepted, AgentCommand, CancelRequest, PingReply, PingRequest, agent_client};
use http::uri::PathAndQuery;
use rustls::ClientConfig;
use tokio::{sync::watch, time::timeout};
use tonic::{Code, Request, Status, client::Grpc, transport::Channel};

use crate::{
    grpc::{CODE_METADATA, Sent},
    tls::{self, Connector, TlsError},
};

/// How long an agent may take to say `Accepted`: it only writes the task down.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A command did not get through, or was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nobody knows whether it arrived. Sending it again, with the same task id, is safe.
    #[error("the agent at {address} did not answer")]
    Unreachable {
        /// Its address.
        address: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The agent said no; nothing was done.
    #[error("the agent at {address} refused: {message}")]
    Refused {
        /// Its address.
        address: String,
        /// The stable code, as `agent.stale-epoch`.
        code: String,
        /// What it said.
        message: String,
    },
}

/// A way to one agent: over the network, or to a simulated one in the same process.
#[async_trait]
pub trait AgentLink: Send + Sync {
    /// Sends an encoded request to the RPC `path`.
    async fn submit(&self, path: &'static str, request: Bytes) -> Result<Accepted, LinkError>;
    /// Asks whether it lives.
    async fn ping(&self) -> Result<PingReply, LinkError>;
    /// Asks it to stop a task; whether it knew one that had not ended. The outcome comes as always.
    async fn cancel(&self, task_id: &str) -> Result<bool, LinkError>;
}

/// Sends a command, header included. Its outcome comes to the header's callback URL.
///
/// # Errors
/// When it did not get through or was refused.
pub async fn submit<C: AgentCommand>(link: &dyn AgentLink, command: &C) -> Result<Accepted, LinkError> {
    link.submit(C::PATH, command.encode_to_vec().into()).await
}

/// An agent over mutual TLS. Connects when first used, and again whenever it has to; clones share the connection.
#[derive(Clone)]
pub struct AgentClient {
    address: String,
    channel: Channel,
}

impl AgentClient {
    /// The agent `agent_id` at `address` (`host:port`). The certificate there must be that agent's.
    ///
    /// # Errors
    /// When the id cannot be a name or the address is none.
    pub fn new(address: &str, tls: watch::Receiver<Arc<ClientConfig>>, agent_id: &str) -> Result<Self, TlsError> {
        let name = tls::server_name(&tls::agent_name(agent_id))?;
        let channel =
            Connector::new(tls, name).lazy_channel(address).map_err(|_| TlsError::Name(address.to_owned()))?;
        Ok(Self { address: address.to_owned(), channel })
    }

    /// The channel underneath, for generated clients.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    fn error(&self, status: Status) -> LinkError {
        let address = self.address.clone();
        let code = status.metadata().get(CODE_METADATA).and_then(|v| v.to_str().ok()).map(ToOwned::to_owned);
        match code {
            Some(code) => LinkError::Refused { address, code, message: status.message().to_owned() },
            // Answered by something that does not know the RPC: surely not run.
            None if status.code() == Code::Unimplemented => LinkError::Refused {
                address,
                code: "agent.unknown-command".into(),
                message: "it does not know this command; upgrade it".into(),
            },
            None => LinkError::Unreachable { address, cause: status.into() },
        }
    }

    fn late(&self) -> LinkError {
        LinkError::Unreachable { address: self.address.clone(), cause: "no answer in time".into() }
    }
}

#[async_trait]
impl AgentLink for AgentClient {
    async fn submit(&self, path: &'static str, request: Bytes) -> Result<Accepted, LinkError> {
        let mut grpc = Grpc::new(self.channel.clone());
        let answer = async {
            grpc.ready().await.map_err(|e| Status::unavailable(crate::Chain(&e).to_string()))?;
            grpc.unary(Request::new(request), PathAndQuery::from_static(path), Sent).await
        };
        let answer = timeout(ACCEPT_TIMEOUT, answer).await.map_err(|_| self.late())?;
        answer.map(tonic::Response::into_inner).map_err(|status| self.error(status))
    }

    async fn ping(&self) -> Result<PingReply, LinkError> {
        let mut client = agent_client::AgentClient::new(self.channel.clone());
        let answer = timeout(ACCEPT_TIMEOUT, client.ping(PingRequest {})).await.map_err(|_| self.late())?;
        answer.map(tonic::Response::into_inner).map_err(|status| self.error(status))
    }

    async fn cancel(&self, task_id: &str) -> Result<bool, LinkError> {
        let mut client = agent_client::AgentClient::new(self.channel.clone());
        let request = CancelRequest { task_id: task_id.to_owned() };
        let answer = timeout(ACCEPT_TIMEOUT, client.cancel(request)).await.map_err(|_| self.late())?;
        answer.map(|answer| answer.into_inner().known).map_err(|status| self.error(status))
    }
}
