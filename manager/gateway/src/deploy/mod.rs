//! Bringing agents onto machines.

mod ansible;
mod explain;
mod inventory;
mod target;

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid, codes};

pub(crate) use ansible::{AnsibleDeployer, Binaries};
pub use target::SshTarget;

use crate::AgentKind;

/// One agent to be installed or updated.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its id.
    pub agent: Uuid,
    /// What it does.
    pub kind: AgentKind,
    /// Its machine.
    pub target: SshTarget,
}

/// Installs agents. Ansible over SSH; tests bring in agents of their own.
#[async_trait]
pub trait Deployer: Send + Sync {
    /// Makes sure the agent runs there, in its newest version. Converges.
    async fn deploy(&self, deployment: &Deployment) -> Result<(), DeployError>;
}

/// Why an agent is not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The target cannot be one: refused before anything was started.
    #[error("{0}")]
    BadTarget(String),
    /// Something is wrong on this side.
    #[error("could not {what} to deploy an agent")]
    Here {
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long; whatever ran was ended.
    #[error("deploying the agent to {host} was not done after {seconds} s and was ended")]
    Late {
        /// The machine.
        host: String,
        /// How long it was given.
        seconds: u64,
        /// The end of the output.
        output: String,
    },
    /// The machine could not be reached or a task failed there.
    #[error("{reason}")]
    Failed {
        /// What was wrong, where, and what to do.
        reason: String,
        /// The end of the output.
        output: String,
    },
}

impl DeployError {
    fn here<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |cause| Self::Here { what, cause: Box::new(cause) }
    }
}

impl From<DeployError> for ErrorCode {
    fn from(error: DeployError) -> Self {
        let text = error.to_string();
        match error {
            DeployError::BadTarget(_) => ErrorCode::invalid(text),
            DeployError::Here { cause, .. } => ErrorCode::internal(text).because_of(&*cause),
            DeployError::Late { output, .. } => ErrorCode::new(codes::TIMEOUT, text).with("output", output),
            DeployError::Failed { output, .. } => ErrorCode::operation(text).with("output", output),
        }
    }
}
