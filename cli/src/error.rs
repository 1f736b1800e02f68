//! What ends a run badly, and the exit code that tells programs about it.

use std::{io, path::PathBuf, process::ExitCode};

use crate::{
    command::CommandError,
    http::{BadEndpoint, CallError},
    session::StateError,
};

/// Why a command, a script or a scenario stopped.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The line is no command that could be sent.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The endpoint is none.
    #[error(transparent)]
    Endpoint(#[from] BadEndpoint),
    /// What outlives a run could not be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// No client could be set up.
    #[error("cannot set up a connection; are the certificates given with --ca-file in PEM?")]
    Client(#[source] reqwest::Error),
    /// Input could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Output could not be written.
    #[error("cannot write {what}")]
    Write {
        /// What was to be written.
        what: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// A statement of a script failed.
    #[error("{script}, line {line}")]
    Statement {
        /// The script's name.
        script: String,
        /// Where the statement begins.
        line: usize,
        /// What went wrong there.
        #[source]
        cause: Box<CliError>,
    },
    /// Somebody pressed Ctrl-C.
    #[error("interrupted; what was begun goes on at the management node")]
    Interrupted,
    /// A scenario failed; what happened is already on standard output.
    #[error("the scenario failed")]
    Scenario,
}

/// How a run ended, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done.
    Success = 0,
    /// It was tried and failed.
    Failed = 1,
    /// The command line made no sense; nothing was sent.
    Usage = 2,
    /// The management node declined: bad input, no such resource, not allowed.
    Refused = 3,
    /// Nobody answers, or nobody that is a management node.
    Unreachable = 4,
    /// Ctrl-C.
    Interrupted = 130,
}

impl CliError {
    /// The exit code of a run that this error ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            CliError::Command(CommandError::NothingToKeep { .. } | CommandError::NoSuchPath { .. }) => Exit::Failed,
            CliError::Command(_) | CliError::Endpoint(_) | CliError::Client(_) | CliError::Usage(_) => Exit::Usage,
            CliError::Read { .. } => Exit::Usage,
            CliError::Call(CallError::Unreachable { .. } | CallError::Foreign { .. }) => Exit::Unreachable,
            CliError::Call(CallError::Refused { status, .. }) if status.is_client_error() => Exit::Refused,
            CliError::Call(CallError::Api(error)) if error.is_refusal() => Exit::Refused,
            CliError::Call(_) | CliError::State(_) | CliError::Write { .. } | CliError::Scenario => Exit::Failed,
            CliError::Statement { cause, .. } => cause.exit(),
            CliError::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
