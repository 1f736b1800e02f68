//! Images on backup storage, and the door through which they come.

#[cfg(feature = "sim")]
mod fake;
mod sftp;

use std::fmt;

use async_trait::async_trait;
use cumulo_agent_rt::storage::Confined;
use cumulo_proto::kvm;

#[cfg(feature = "sim")]
pub use fake::FakeImages;
pub use sftp::Sftp;

use crate::HostError;

/// A file on an SFTP server, checked.
#[derive(Clone)]
pub struct Source {
    /// Which image it is, for errors.
    pub image: String,
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub username: String,
    /// How.
    pub login: Login,
    /// The server's key as `SHA256:…`; any is taken where it is not known.
    pub fingerprint: Option<String>,
    /// The file.
    pub path: String,
}

/// How to log in.
#[derive(Clone)]
pub enum Login {
    /// With a password.
    Password(String),
    /// With a private key, as text.
    Key(String),
}

/// What the file should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Bytes.
    pub size: Option<u64>,
    /// Lower-case hex.
    pub sha256: Option<String>,
}

/// How far a download is: bytes so far, bytes in all.
pub type OnProgress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// The door to images.
#[async_trait]
pub trait ImageSource: Send + Sync {
    /// Copies `from` to `to`, which appears when it is whole and as expected.
    async fn fetch(
        &self,
        from: &Source,
        to: &Confined,
        expected: &Expected,
        progress: OnProgress<'_>,
    ) -> Result<(), HostError>;
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image, host, port, username, path, .. } = self;
        write!(f, "Source({image} at {username}@{host}:{port}:{path})")
    }
}

impl Source {
    /// Checks a source from the wire.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn checked(image: &str, source: Option<&kvm::SftpSource>) -> Result<Self, HostError> {
        let source = source.ok_or(HostError::Lacks("where the image is"))?;
        if source.host.is_empty() || source.username.is_empty() || source.path.is_empty() {
            return Err(HostError::Lacks("the host, the user or the path of the image"));
        }
        let login = match (source.password.as_str(), source.private_key.as_str()) {
            ("", "") => return Err(HostError::Lacks("a password or a key for the backup storage")),
            (password, "") => Login::Password(password.to_owned()),
            (_, key) => Login::Key(key.to_owned()),
        };
        let port = if source.port == 0 { 22 } else { source.port };
        Ok(Self {
            image: image.to_owned(),
            host: source.host.clone(),
            port: u16::try_from(port)
                .map_err(|_| HostError::BadValue { value: port.to_string(), why: "it is no port" })?,
            username: source.username.clone(),
            login,
            fingerprint: Some(source.host_key_fingerprint.clone()).filter(|f| !f.is_empty()),
            path: source.path.clone(),
        })
    }

    /// A failed fetch, told to operators.
    pub(crate) fn failed(&self, why: impl Into<String>) -> HostError {
        HostError::Fetch { image: self.image.clone(), why: why.into(), cause: None }
    }

    /// A failed fetch with its cause.
    pub(crate) fn failed_by(
        &self,
        why: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> HostError {
        HostError::Fetch { image: self.image.clone(), why: why.into(), cause: Some(cause.into()) }
    }
}
