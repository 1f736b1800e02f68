//! Why a command failed, as the manager and its operator get to see it.

use std::{borrow::Cow, error::Error};

use cumulo_proto::Failure;

use crate::chain::causes;

/// A command's failure: a stable code for programs, a sentence for operators, and the causes for the log.
///
/// The agents' own error enums turn into it in one `From` each.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct AgentError {
    code: Cow<'static, str>,
    message: String,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl AgentError {
    /// The command was not started, or was stopped, because its deadline passed.
    pub const DEADLINE: &'static str = "agent.deadline-passed";
    /// The command was not started, or was stopped, because the manager asked for that.
    pub const CANCELLED: &'static str = "agent.cancelled";
    /// The agent itself is at fault.
    pub const INTERNAL: &'static str = "agent.internal";
    /// The request says something that cannot be.
    pub const BAD_REQUEST: &'static str = "agent.bad-request";

    /// `message` is one sentence: what was wrong, on which object, what to do.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), cause: None }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// As it goes over the wire.
    pub fn to_failure(&self) -> Failure {
        Failure { code: self.code.clone().into_owned(), message: self.message.clone(), causes: causes(self) }
    }
}
