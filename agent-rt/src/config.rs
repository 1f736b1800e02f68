//! An agent's configuration file: `/etc/cumulo/<agent>.toml`.
//!
//! ```toml
//! agent_id = "5c1f0e0b8a3c4a6e9d0a3b1f7c2d4e6f"        # the host's uuid; also in the certificate
//! listen = "0.0.0.0:7070"
//! metrics_listen = "127.0.0.1:7071"                    # optional, loopback only: /metrics and /healthz without TLS
//! journal_dir = "/var/lib/cumulo/kvm-agent"
//! [tls]
//! ca = "/etc/cumulo/kvm-agent-ca.pem"
//! cert = "/etc/cumulo/kvm-agent.pem"
//! key = "/etc/cumulo/kvm-agent-key.pem"
//! [kvm]                                                # one section of the agent's own
//! virtualization = "auto"
//! ```
//! A key nobody knows is an error, so that a misspelt one is noticed.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

/// The part of the configuration that all agents have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The agent's id: the uuid of its host.
    pub agent_id: String,
    /// Where the manager reaches it.
    pub listen: SocketAddr,
    /// Where `/metrics` and `/healthz` are served without TLS; must be a loopback address.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// Folder of the task journal; made where it is missing.
    pub journal_dir: PathBuf,
    /// Certificates.
    pub tls: TlsFiles,
}

/// PEM files of one end of the mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The manager's certificate authority.
    pub ca: PathBuf,
    /// The own certificate, with its chain.
    pub cert: PathBuf,
    /// The own private key.
    pub key: PathBuf,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not there, or not readable.
    #[error("could not read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Not TOML, or a key is missing, unknown or of the wrong kind.
    #[error("the configuration file {path} is wrong")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What and where.
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// `metrics_listen` is reachable from elsewhere.
    #[error("metrics_listen is {0}, but plain metrics are served on a loopback address only")]
    MetricsNotLoopback(SocketAddr),
}

impl AgentConfig {
    /// Reads the common part and the agent's own `section`, which takes its defaults where it is missing.
    ///
    /// # Errors
    /// When the file cannot be read or says something wrong.
    pub fn load<S: DeserializeOwned + Default>(path: &Path, section: &str) -> Result<(Self, S), ConfigError> {
        let text = fs::read_to_string(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
        Self::parse(&text, section, path)
    }

    fn parse<S: DeserializeOwned + Default>(text: &str, section: &str, path: &Path) -> Result<(Self, S), ConfigError> {
        let wrong = |cause| ConfigError::Wrong { path: path.to_owned(), cause: Box::new(cause) };
        let mut table: toml::Table = text.parse().map_err(wrong)?;
        let own = table.remove(section);
        let common: Self = table.try_into().map_err(wrong)?;
        let own = own.map_or_else(|| Ok(S::default()), |own| own.try_into().map_err(wrong))?;
        match common.metrics_listen {
            Some(at) if !at.ip().is_loopback() => Err(ConfigError::MetricsNotLoopback(at)),
            _ => Ok((common, own)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = r#"
agent_id = "a1"
listen = "0.0.0.0:7070"
journal_dir = "/var/lib/cumulo/x"
[tls]
ca = "/c/ca.pem"
cert = "/c/cert.pem"
key = "/c/key.pem"
"#;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Own {
        speed: u32,
    }

    fn parse(text: &str) -> Result<(AgentConfig, Own), ConfigError> {
        AgentConfig::parse(text, "own", Path::new("/etc/cumulo/x.toml"))
    }

    #[test]
    fn the_own_section_is_read_and_may_be_missing() {
        let (common, own) = parse(&format!("{COMMON}[own]\nspeed = 3\n")).unwrap();
        assert_eq!((common.agent_id.as_str(), own.speed), ("a1", 3));
        assert_eq!(parse(COMMON).unwrap().1, Own::default());
    }

    #[test]
    fn unknown_keys_and_public_metrics_are_refused() {
        assert!(matches!(parse(&format!("sped = 3\n{COMMON}")), Err(ConfigError::Wrong { .. })));
        assert!(matches!(parse(&format!("{COMMON}[own]\nsped = 3\n")), Err(ConfigError::Wrong { .. })));
        let public = format!("metrics_listen = \"0.0.0.0:1\"\n{COMMON}");
        assert!(matches!(parse(&public), Err(ConfigError::MetricsNotLoopback(_))));
    }
}
