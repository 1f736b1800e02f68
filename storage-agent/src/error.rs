//! What goes wrong on a backup storage host.

use std::error::Error;

use cumulo_agent_rt::{AgentError, storage::StorageError};

/// A command could not be carried out on this host.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The command is for another agent.
    #[error("this is storage agent {own}, not {asked}; check the address and the certificate the manager has for it")]
    WrongAgent {
        /// This agent.
        own: String,
        /// Who was meant.
        asked: String,
    },
    /// A file could not be handled.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A URL of a kind that is not fetched.
    #[error("images cannot be fetched from {url:?}: {why}")]
    BadUrl {
        /// The URL.
        url: String,
        /// Why not.
        why: &'static str,
    },
    /// The download failed.
    #[error("could not download {url}: {why}")]
    Download {
        /// Where from, without user and password.
        url: String,
        /// What happened and what to do.
        why: String,
        /// Below it.
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The file is not what it should be.
    #[error("{url} is not the image it should be: {why}")]
    NotAsExpected {
        /// Where from, without user and password.
        url: String,
        /// In what it differs.
        why: String,
    },
    /// No room for what is to be uploaded.
    #[error("image {image} takes {size} bytes, and {free} are free; free some, or use another storage")]
    NoRoom {
        /// Which image.
        image: String,
        /// Bytes it takes.
        size: u64,
        /// Bytes there are.
        free: u64,
    },
    /// A format nobody knows.
    #[error("{0:?} is no image format; formats are qcow2, raw and iso")]
    UnknownFormat(String),
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongAgent { .. } => "host.wrong-host",
            Self::Storage(_) => "storage",
            Self::BadUrl { .. } => "image.bad-url",
            Self::Download { .. } => "image.download",
            Self::NotAsExpected { .. } => "image.not-as-expected",
            Self::NoRoom { .. } => "storage.no-space",
            Self::UnknownFormat(_) => "image.unknown-format",
        }
    }
}

impl From<StoreError> for AgentError {
    fn from(error: StoreError) -> Self {
        let agent = AgentError::new(error.code(), error.to_string());
        match error {
            StoreError::Storage(storage) => storage.into(),
            StoreError::Download { cause: Some(cause), .. } => agent.because(cause),
            _ => agent,
        }
    }
}
