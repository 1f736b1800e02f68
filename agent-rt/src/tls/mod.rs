//! Mutual TLS: who presents what, and who believes whom.
//!
//! One certificate authority, the manager's. An agent's certificate names it `<agent id>.agent.cumulo`, a management
//! node's `manager.cumulo`. Names are roles, not addresses: an agent accepts no client and talks to no callback endpoint
//! but one that proves to be the manager, and a manager that dials an agent's address gets through only to that agent.

mod connector;
mod identity;
mod names;
mod verify;

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub use connector::Connector;
pub use identity::Identity;
pub use names::{MANAGER_NAME, agent_name, agent_of, server_name};

/// Certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file is missing or is none.
    #[error("could not read {what} from {path}")]
    File {
        /// The certificate, the key or the authority.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: rustls_pki_types::pem::Error,
    },
    /// Key and certificate do not fit, or the like.
    #[error("the certificate, its key and its authority cannot be used together")]
    Unusable(#[source] rustls::Error),
    /// The authority has no usable certificate.
    #[error("the certificate authority cannot be used")]
    Authority(#[source] rustls::server::VerifierBuilderError),
    /// An agent's id that cannot stand in a certificate.
    #[error("{0} cannot be the name of an agent")]
    Name(String),
}

/// For an agent: accepts clients that prove to be the manager, nobody else.
///
/// # Errors
/// When the certificates cannot be used.
pub fn agent_server(identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    let any = any_of_ours(identity)?;
    let manager = server_name(MANAGER_NAME)?;
    server(identity, Arc::new(verify::OnlyNamed::new(any, manager)))
}

/// For the manager's callback endpoint: accepts every certificate of the authority; [`agent_of`] says whose it is.
///
/// # Errors
/// When the certificates cannot be used.
pub fn callback_server(identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    let any = any_of_ours(identity)?;
    server(identity, any)
}

/// For either end when it dials the other.
///
/// # Errors
/// When the certificates cannot be used.
pub fn client(identity: &Identity) -> Result<Arc<ClientConfig>, TlsError> {
    let (chain, key) = own(identity);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unusable)?
        .with_root_certificates(roots(identity)?)
        .with_client_auth_cert(chain, key)
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn server(identity: &Identity, clients: Arc<dyn ClientCertVerifier>) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, key) = own(identity);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unusable)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn any_of_ours(identity: &Identity) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(identity)?), provider())
        .build()
        .map_err(TlsError::Authority)
}

fn roots(identity: &Identity) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for ca in &identity.ca {
        roots.add(ca.clone()).map_err(TlsError::Unusable)?;
    }
    Ok(roots)
}

fn own(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    (identity.chain.clone(), identity.key.clone_key())
}

/// `ring`, named here instead of installed for the process: a library does not choose for its program.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
