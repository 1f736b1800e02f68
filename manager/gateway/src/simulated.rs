//! Behind an id that [`crate::Gateway::simulate`] was told of: a machine that there is not.
//!
//! It answers each command with success and an empty reply, which every reply type decodes: a host that is only pretended
//! has every bridge, lease and rule that it is told to have. What must be remembered of it (which VMs run there) is the
//! business of the plugin that pretends. The link answers through the same [`Waiters`] as agents on machines do, so calls
//! to it pass the same places and can be failed there.

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_agent_rt::{AgentLink, LinkError};
use cumulo_proto::{Accepted, Header, Outcome, PingReply, outcome};
use cumulo_schema::Uuid;
use prost::Message;

use crate::waiters::Waiters;

pub(crate) struct Simulated {
    agent: Uuid,
    waiters: Waiters,
}

/// What all commands have in common: their header is the first field.
#[derive(Clone, PartialEq, Message)]
struct AnyCommand {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
}

impl Simulated {
    pub(crate) fn new(agent: Uuid, waiters: Waiters) -> Self {
        Self { agent, waiters }
    }
}

#[async_trait]
impl AgentLink for Simulated {
    async fn submit(&self, path: &'static str, request: Bytes) -> Result<Accepted, LinkError> {
        let refused = |cause: prost::DecodeError| LinkError::Refused {
            address: format!("simulated:{}", self.agent),
            code: "bad-request".to_owned(),
            message: cause.to_string(),
        };
        let header = AnyCommand::decode(request).map_err(refused)?.header.unwrap_or_default();
        let outcome = Outcome {
            task_id: header.task_id,
            agent: self.agent.to_string(),
            command: path.rsplit('/').next().unwrap_or(path).to_owned(),
            result: Some(outcome::Result::Reply(Bytes::new())),
            ..Outcome::default()
        };
        // Whether anybody still waits is the caller's business.
        let _ = self.waiters.deliver(self.agent, outcome);
        Ok(Accepted::default())
    }

    async fn ping(&self) -> Result<PingReply, LinkError> {
        Ok(PingReply { agent: self.agent.to_string(), connected: true, ..PingReply::default() })
    }

    /// All is answered at once, so nothing is left to be stopped.
    async fn cancel(&self, _: &str) -> Result<bool, LinkError> {
        Ok(false)
    }
}
