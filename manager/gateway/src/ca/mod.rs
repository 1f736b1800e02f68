//! The manager's own certificate authority.
//!
//! ```text
//! ca/                        0700
//!   ca.pem  ca-key.pem       the authority, ten years
//!   agents/<id>.pem          an agent's certificate, 30 days, with its key and the SSH key its machine showed first
//! ```
//! An agent's certificate is renewed when it is deployed with less than half of its life left. Until then it stays the
//! same file, so that deploying again changes nothing on the machine. The manager's own certificate is made anew at each
//! start and never written down.

mod files;
mod issue;
mod manager;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use cumulo_agent_rt::tls::{self, Identity};
use cumulo_schema::Uuid;
use rcgen::{Issuer, KeyPair};

pub(crate) use manager::ManagerTls;

use crate::GatewayError;
use files::{make_dir, read, remove, write};

const DAY: Duration = Duration::from_hours(24);
const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3650);
/// How long agents' and managers' certificates are valid.
const LIFE: Duration = DAY.saturating_mul(30);

/// Signs certificates.
pub(crate) struct Authority {
    dir: PathBuf,
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What an agent is deployed with: files that only the manager can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentFiles {
    /// The authority's certificate.
    pub(crate) ca: PathBuf,
    /// The agent's certificate.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
    /// Keys of the agent's machine, as ssh keeps them. Need not exist.
    pub(crate) known_hosts: PathBuf,
}

impl Authority {
    /// Opens the authority in `dir`; makes one where there is none.
    pub(crate) fn open(dir: &Path) -> Result<Self, GatewayError> {
        make_dir(dir)?;
        make_dir(&dir.join("agents"))?;
        let (certificate_file, key_file) = (dir.join("ca.pem"), dir.join("ca-key.pem"));
        let key = match (key_file.exists(), certificate_file.exists()) {
            (true, _) => KeyPair::from_pem(&read(&key_file)?)?,
            (false, true) => return Err(GatewayError::KeyGone { path: key_file }),
            (false, false) => {
                let key = KeyPair::generate()?;
                write(&key_file, &key.serialize_pem())?;
                key
            }
        };
        // The key is written first, so a start that was cut off here goes on with it.
        if !certificate_file.exists() {
            write(&certificate_file, &issue::authority(AUTHORITY_LIFE)?.self_signed(&key)?.pem())?;
        }
        let certificate = read(&certificate_file)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key)?;
        Ok(Self { dir: dir.to_owned(), certificate, issuer })
    }

    /// A new identity for this management node.
    pub(crate) fn manager(&self) -> Result<Identity, GatewayError> {
        let key = KeyPair::generate()?;
        let certificate = issue::member(tls::MANAGER_NAME, LIFE)?.signed_by(&key, &self.issuer)?;
        Ok(Identity::from_pem(&self.certificate, &certificate.pem(), &key.serialize_pem())?)
    }

    /// The certificate of `agent`: the one it has while that has more than half of its life before it, else a new one.
    pub(crate) fn agent(&self, agent: Uuid) -> Result<AgentFiles, GatewayError> {
        let files = self.files(agent);
        if self.is_aging(agent) {
            let key = KeyPair::generate()?;
            let name = tls::agent_name(&agent.to_string());
            let certificate = issue::member(&name, LIFE)?.signed_by(&key, &self.issuer)?;
            write(&files.key, &key.serialize_pem())?;
            write(&files.certificate, &certificate.pem())?;
        }
        Ok(files)
    }

    /// Whether `agent` has no certificate that is good for another half of its life.
    pub(crate) fn is_aging(&self, agent: Uuid) -> bool {
        let files = self.files(agent);
        let (Ok(certificate), Ok(key)) = (read(&files.certificate), read(&files.key)) else { return true };
        !issue::lasts(&certificate, &key, LIFE / 2)
    }

    pub(crate) fn forget(&self, agent: Uuid) {
        let files = self.files(agent);
        for path in [&files.certificate, &files.key, &files.known_hosts] {
            remove(path);
        }
    }

    fn files(&self, agent: Uuid) -> AgentFiles {
        let file = |suffix: &str| self.dir.join("agents").join(format!("{agent}{suffix}"));
        AgentFiles {
            ca: self.dir.join("ca.pem"),
            certificate: file(".pem"),
            key: file("-key.pem"),
            known_hosts: file(".known_hosts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_certificate_stays_until_it_is_half_gone_and_the_authority_over_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let (agent, authority) = (Uuid::random(), Authority::open(&dir.path().join("ca")).expect("made"));
        assert!(authority.is_aging(agent), "there is none yet");
        let files = authority.agent(agent).expect("issued");
        let first = fs::read(&files.certificate).expect("written");
        let again = Authority::open(&dir.path().join("ca")).expect("opened");
        assert_eq!(again.agent(agent).expect("kept"), files);
        assert_eq!(fs::read(&files.certificate).expect("there"), first);
        assert!(!again.is_aging(agent));

        let other_key = KeyPair::generate().expect("a key");
        fs::write(&files.key, other_key.serialize_pem()).expect("written");
        again.agent(agent).expect("issued again, as the key is not its own");
        assert_ne!(fs::read(&files.certificate).expect("there"), first);
        again.forget(agent);
        assert!(again.is_aging(agent));
    }

    #[test]
    fn nobody_else_can_read_the_keys() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(&dir.path().join("ca")).expect("made");
        let files = authority.agent(Uuid::random()).expect("issued");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&dir.path().join("ca")), 0o700);
        assert_eq!(mode(&dir.path().join("ca/ca-key.pem")), 0o600);
        assert_eq!(mode(&files.key), 0o600);
    }

    #[test]
    fn a_lost_key_is_said_and_not_replaced() {
        let dir = tempfile::tempdir().expect("a folder");
        drop(Authority::open(dir.path()).expect("made"));
        fs::remove_file(dir.path().join("ca-key.pem")).expect("removed");
        assert!(matches!(Authority::open(dir.path()), Err(GatewayError::KeyGone { .. })));
    }
}
