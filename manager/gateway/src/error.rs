//! Why the gateway does not start.

use std::{net::SocketAddr, path::PathBuf};

use cumulo_agent_rt::tls::TlsError;

/// One variant per thing an operator would do differently.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A file of the certificate authority.
    #[error("could not {what} {path}")]
    File {
        /// `read`, `write` and so on.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The authority's key is gone while its certificate is there.
    #[error(
        "the certificate authority's key {path} is missing; restore it, or remove the folder and reconnect every host"
    )]
    KeyGone {
        /// Where it should be.
        path: PathBuf,
    },
    /// A certificate cannot be made or read.
    #[error("could not make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// Certificates that do not work together.
    #[error("the certificates cannot be used")]
    Tls(#[from] TlsError),
    /// The callback endpoint.
    #[error("agents cannot be listened for at {address}; choose another callback_listen")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}
