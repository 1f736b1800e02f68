//! What goes wrong with image files.

use std::{io, path::PathBuf};

use crate::AgentError;

/// An image file could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Not below a declared storage.
    #[error("{path:?} is not inside a storage of this host; storages are {roots}")]
    Outside {
        /// What was asked for.
        path: String,
        /// What would have been allowed.
        roots: String,
    },
    /// Not a path that may be used at all.
    #[error("{path:?} cannot be used as a path: {why}")]
    BadPath {
        /// What was asked for.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// A symbolic link is on the way.
    #[error("{path} goes through a symbolic link, which is not followed inside a storage")]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// No room.
    #[error("no space is left for {path}; free some on its file system or use another storage")]
    NoSpace {
        /// The file.
        path: PathBuf,
    },
    /// Something else has the name.
    #[error("{path} exists already and is another kind of file than wanted; look at it and move it away")]
    Different {
        /// The file.
        path: PathBuf,
    },
    /// Made and then not found.
    #[error("{path} was made and has vanished; is somebody else working in this storage?")]
    Vanished {
        /// The file.
        path: PathBuf,
    },
    /// Needed and not there.
    #[error("{path} does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A volume smaller than its image.
    #[error("a volume of {size} bytes cannot hold the image {image} of {image_size} bytes; take a larger size")]
    TooSmall {
        /// Wanted.
        size: u64,
        /// What it should hold.
        image: PathBuf,
        /// How large that is.
        image_size: u64,
    },
    /// An account that the host does not have.
    #[error("this host has no account {user:?}; name one that it has, by which files are brought to it")]
    NoUser {
        /// Its name.
        user: String,
    },
    /// `qemu-img` says no.
    #[error("qemu-img could not {what} {path}: {said}")]
    QemuImg {
        /// Its verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What it printed, one line.
        said: String,
    },
    /// The operating system says no.
    #[error("could not {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

impl StorageError {
    /// An I/O error on a path; a full disk gets its own variant.
    pub fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Io { what, path, cause },
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Outside { .. } | Self::Symlink { .. } => "storage.outside",
            Self::BadPath { .. } => "storage.bad-path",
            Self::NoSpace { .. } => "storage.no-space",
            Self::Different { .. } => "storage.different-file",
            Self::Vanished { .. } | Self::Missing { .. } => "storage.no-such-file",
            Self::NoUser { .. } => "storage.no-user",
            Self::TooSmall { .. } => "storage.too-small",
            Self::QemuImg { .. } => "storage.qemu-img",
            Self::Io { .. } => "storage.io",
        }
    }
}

impl From<StorageError> for AgentError {
    fn from(error: StorageError) -> Self {
        let agent = Self::new(error.code(), error.to_string());
        match error {
            StorageError::Io { cause, .. } => agent.because(cause),
            _ => agent,
        }
    }
}
