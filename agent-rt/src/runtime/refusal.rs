//! Commands that are not accepted.

use cumulo_proto::Header;

use crate::{AgentError, JournalError, journal::now_ms};

const MAX_TASK_ID: usize = 128;
const MAX_URL: usize = 2048;

/// Why a command was not accepted; nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such command.
    #[error("this agent has no command at {path}; upgrade it, or ask the right agent")]
    Unknown {
        /// The RPC's path.
        path: String,
    },
    /// A malformed request.
    #[error("the request is malformed")]
    Bad(#[source] AgentError),
    /// Another manager has taken over since.
    #[error("epoch {epoch} is older than {newest}, the newest seen for {key}: its sender does not own it any more")]
    StaleEpoch {
        /// The object.
        key: String,
        /// What was sent.
        epoch: u64,
        /// What was seen.
        newest: u64,
    },
    /// The manager does not wait any more.
    #[error("the deadline of task {task_id} passed before it arrived; compare the clocks of manager and host")]
    TooLate {
        /// The task.
        task_id: String,
    },
    /// The agent is about to end.
    #[error("the agent is stopping; send it again in a moment")]
    Stopping,
    /// The task could not be written down.
    #[error("the task could not be written down")]
    Journal(#[source] JournalError),
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "agent.unknown-command",
            Self::Bad(_) => AgentError::BAD_REQUEST,
            Self::StaleEpoch { .. } => "agent.stale-epoch",
            Self::TooLate { .. } => AgentError::DEADLINE,
            Self::Stopping => "agent.stopping",
            Self::Journal(_) => "agent.journal",
        }
    }
}

/// Whether a header can be worked with.
pub(super) fn check(header: &Header) -> Result<(), Refusal> {
    let bad = |text: &str| Err(Refusal::Bad(AgentError::new(AgentError::BAD_REQUEST, text)));
    if header.task_id.is_empty() || header.task_id.len() > MAX_TASK_ID {
        return bad("the task id must have 1 to 128 bytes");
    }
    if header.callback_url.len() > MAX_URL || header.callback_url.parse::<http::Uri>().is_err() {
        return bad("the callback URL is none");
    }
    if header.deadline_ms <= now_ms() {
        return Err(Refusal::TooLate { task_id: header.task_id.clone() });
    }
    Ok(())
}
