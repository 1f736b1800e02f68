//! Images on backup storage, and the door through which they come and go.

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
pub struct RemoteFile {
    /// Which image it is, for errors.
    pub image: String,
    /// What is done with it, for errors.
    pub purpose: Purpose,
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

/// What is done with a file of another host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is read.
    Fetch,
    /// It is written.
    Upload,
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

/// How far a transfer is: bytes so far, bytes in all.
pub type OnProgress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// The door to images.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Copies `from` to `to`, which appears when it is whole and as expected.
    async fn fetch(
        &self,
        from: &RemoteFile,
        to: &Confined,
        expected: &Expected,
        progress: OnProgress<'_>,
    ) -> Result<(), HostError>;

    /// Copies `from` into `to`, which must be there, and answers the SHA-256 of what it sent, in lower-case hex. It makes no
    /// file: an upload that nobody waits for any more cannot bring back one that was removed meanwhile.
    async fn upload(&self, from: &Confined, to: &RemoteFile, progress: OnProgress<'_>) -> Result<String, HostError>;
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image, host, port, username, path, .. } = self;
        write!(f, "RemoteFile({image} at {username}@{host}:{port}:{path})")
    }
}

impl Purpose {
    /// For sentences: "could not … the image".
    pub fn text(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Upload => "upload",
        }
    }
}

impl RemoteFile {
    /// Checks a file from the wire.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn checked(image: &str, purpose: Purpose, file: Option<&kvm::SftpFile>) -> Result<Self, HostError> {
        let file = file.ok_or(HostError::Lacks("where the image is"))?;
        if file.host.is_empty() || file.username.is_empty() || file.path.is_empty() {
            return Err(HostError::Lacks("the host, the user or the path of the image"));
        }
        let login = match (file.password.as_str(), file.private_key.as_str()) {
            ("", "") => return Err(HostError::Lacks("a password or a key for the backup storage")),
            (password, "") => Login::Password(password.to_owned()),
            (_, key) => Login::Key(key.to_owned()),
        };
        let port = if file.port == 0 { 22 } else { file.port };
        Ok(Self {
            image: image.to_owned(),
            purpose,
            host: file.host.clone(),
            port: u16::try_from(port)
                .map_err(|_| HostError::BadValue { value: port.to_string(), why: "it is no port" })?,
            username: file.username.clone(),
            login,
            fingerprint: Some(file.host_key_fingerprint.clone()).filter(|f| !f.is_empty()),
            path: file.path.clone(),
        })
    }

    /// A failed transfer, told to operators.
    pub(crate) fn failed(&self, why: impl Into<String>) -> HostError {
        HostError::Transfer { purpose: self.purpose, image: self.image.clone(), why: why.into(), cause: None }
    }

    /// A failed transfer with its cause.
    pub(crate) fn failed_by(
        &self,
        why: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> HostError {
        let cause = Some(cause.into());
        HostError::Transfer { purpose: self.purpose, image: self.image.clone(), why: why.into(), cause }
    }
}

/// Of a transfer, for reports.
pub(crate) fn percent(done: u64, all: u64) -> u32 {
    u32::try_from(done.saturating_mul(100).checked_div(all).unwrap_or(100)).unwrap_or(100)
}
