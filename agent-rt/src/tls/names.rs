//! The names in certificates.

use rustls_pki_types::{CertificateDer, ServerName};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _};

use super::TlsError;

/// The name of every management node.
pub const MANAGER_NAME: &str = "manager.cumulo";
const AGENT_SUFFIX: &str = ".agent.cumulo";

/// The name of the agent `agent_id`.
pub fn agent_name(agent_id: &str) -> String {
    format!("{agent_id}{AGENT_SUFFIX}")
}

/// A name as rustls wants it.
///
/// # Errors
/// When it is no DNS name.
pub fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))
}

/// The id of the agent that a (verified) certificate belongs to.
pub fn agent_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => name.strip_suffix(AGENT_SUFFIX).map(ToOwned::to_owned),
        _ => None,
    })
}
