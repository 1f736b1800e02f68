//! The real [`ImageStore`]: SFTP.
//!
//! In process rather than through OpenSSH's client: a password never gets near a command line or a terminal, and
//! progress, limits and errors are ours. Several reads are under way at once, since a round trip per 32 KiB would make
//! a distant storage slow.

mod upload;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use cumulo_agent_rt::storage::{Confined, Partial};
use futures::{FutureExt as _, future::BoxFuture};
use russh::{
    client::{self, Handle},
    keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key},
};
use russh_sftp::{client::RawSftpSession, protocol::OpenFlags};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{Expected, ImageStore, Login, OnProgress, RemoteFile};
use crate::HostError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A server that says nothing for so long is gone.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes per read or write; what every server grants.
const CHUNK: u32 = 32 << 10;
/// Reads or writes under way at once.
const AHEAD: usize = 32;

/// Images over SFTP.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sftp;

#[async_trait]
impl ImageStore for Sftp {
    async fn fetch(
        &self,
        from: &RemoteFile,
        to: &Confined,
        expected: &Expected,
        progress: OnProgress<'_>,
    ) -> Result<(), HostError> {
        let session = Session::open(from).await?;
        let sftp = &session.sftp;
        let opened = sftp.open(from.path.as_str(), OpenFlags::READ, Default::default()).await;
        let handle = opened
            .map_err(|cause| from.failed_by(format!("{} on {} cannot be opened", from.path, from.host), cause))?
            .handle;
        let size = size(sftp, &handle, from, expected).await?;
        let mut file = Partial::create(to).await?;
        let mut digest = Sha256::new();
        let mut reads = Reads::new(Arc::clone(sftp), handle, size);
        while let Some(bytes) = reads.next(from).await? {
            digest.update(&bytes);
            file.write(&bytes).await?;
            progress(file.written(), size);
        }
        let sha256 = hex::encode(digest.finalize());
        if let Some(wanted) = expected.sha256.as_ref().filter(|wanted| **wanted != sha256) {
            return Err(from.failed(format!(
                "{} on {} has the checksum {sha256} and not {wanted}; it is damaged there, add the image again",
                from.path, from.host
            )));
        }
        file.commit().await?;
        Ok(())
    }

    async fn upload(&self, from: &Confined, to: &RemoteFile, progress: OnProgress<'_>) -> Result<String, HostError> {
        upload::upload(from, to, progress).await
    }
}

/// A session that is logged in. It ends when this is dropped.
struct Session {
    _connection: Handle<Client>,
    sftp: Arc<RawSftpSession>,
}

impl Session {
    async fn open(file: &RemoteFile) -> Result<Self, HostError> {
        let connected = timeout(CONNECT_TIMEOUT, connect(file)).await;
        let connection = connected.map_err(|_| file.failed(format!("{} does not answer", file.host)))??;
        let sftp = Arc::new(open_sftp(&connection, file).await?);
        Ok(Self { _connection: connection, sftp })
    }
}

struct Client {
    fingerprint: Option<String>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let Some(wanted) = &self.fingerprint else { return Ok(true) };
        Ok(match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.fingerprint(HashAlg::Sha256).to_string() == *wanted,
            PublicKeyOrCertificate::Certificate(_) => false,
        })
    }
}

async fn connect(from: &RemoteFile) -> Result<Handle<Client>, HostError> {
    let config = client::Config { inactivity_timeout: Some(IDLE_TIMEOUT), ..client::Config::default() };
    let client = Client { fingerprint: from.fingerprint.clone() };
    let connected = client::connect(Arc::new(config), (from.host.as_str(), from.port), client).await;
    let mut connection = connected.map_err(|cause| match cause {
        russh::Error::UnknownKey => from.failed(format!(
            "{} shows another host key than it had when it was added; find out why before you trust it",
            from.host
        )),
        cause => from.failed_by(format!("{}:{} cannot be reached over SSH", from.host, from.port), cause),
    })?;
    let login = match &from.login {
        Login::Password(password) => connection.authenticate_password(&from.username, password).await,
        Login::Key(key) => {
            // The parser's error could quote the key.
            let key = decode_secret_key(key, None).map_err(|_| from.failed("its private key cannot be read"))?;
            let hash = connection.best_supported_rsa_hash().await.ok().flatten().flatten();
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            connection.authenticate_publickey(&from.username, key).await
        }
    };
    let login = login.map_err(|cause| from.failed_by(format!("logging in to {} failed", from.host), cause))?;
    if login.success() {
        Ok(connection)
    } else {
        Err(from.failed(format!(
            "{} does not let {} in; check the user and password of the backup storage",
            from.host, from.username
        )))
    }
}

async fn open_sftp(connection: &Handle<Client>, from: &RemoteFile) -> Result<RawSftpSession, HostError> {
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
        from.failed_by(format!("{} offers no SFTP", from.host), cause)
    };
    let channel = connection.channel_open_session().await.map_err(|e| failed(e.into()))?;
    channel.request_subsystem(true, "sftp").await.map_err(|e| failed(e.into()))?;
    let sftp = RawSftpSession::new(channel.into_stream());
    sftp.init().await.map_err(|e| failed(e.into()))?;
    Ok(sftp)
}

async fn size(sftp: &RawSftpSession, handle: &str, from: &RemoteFile, expected: &Expected) -> Result<u64, HostError> {
    let stat = sftp.fstat(handle).await;
    let stat = stat.map_err(|cause| from.failed_by(format!("{} cannot be looked at", from.path), cause))?;
    let size = stat.attrs.size.unwrap_or_default();
    match expected.size {
        Some(wanted) if wanted != size => Err(from.failed(format!(
            "{} on {} has {size} bytes and not {wanted}; it is damaged there, add the image again",
            from.path, from.host
        ))),
        _ => Ok(size),
    }
}

type Read = BoxFuture<'static, Result<Vec<u8>, russh_sftp::client::error::Error>>;

/// Reads of one file in order, several of them asked for ahead.
struct Reads {
    sftp: Arc<RawSftpSession>,
    handle: String,
    size: u64,
    asked: u64,
    waiting: VecDeque<(u64, u32, Read)>,
}

impl Reads {
    fn new(sftp: Arc<RawSftpSession>, handle: String, size: u64) -> Self {
        Self { sftp, handle, size, asked: 0, waiting: VecDeque::new() }
    }

    /// The next bytes; `None` at the end.
    async fn next(&mut self, from: &RemoteFile) -> Result<Option<Vec<u8>>, HostError> {
        while self.waiting.len() < AHEAD && self.asked < self.size {
            let len = u32::try_from(self.size - self.asked).unwrap_or(CHUNK).min(CHUNK);
            let read = self.read(self.asked, len);
            self.waiting.push_back((self.asked, len, read));
            self.asked += u64::from(len);
        }
        let Some((offset, len, read)) = self.waiting.pop_front() else { return Ok(None) };
        let ended = || from.failed(format!("{} on {} ended early; it is damaged there", from.path, from.host));
        let bytes = read.await.map_err(|cause| from.failed_by(format!("{} stopped sending", from.host), cause))?;
        let got = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if got == 0 || got > len {
            return Err(ended());
        }
        if got < len {
            let (offset, len) = (offset + u64::from(got), len - got);
            let rest = self.read(offset, len);
            self.waiting.push_front((offset, len, rest));
        }
        Ok(Some(bytes))
    }

    fn read(&self, offset: u64, len: u32) -> Read {
        let (sftp, handle) = (Arc::clone(&self.sftp), self.handle.clone());
        // Spawned, so that it is sent now and not when it is awaited.
        let read = tokio::spawn(async move { sftp.read(handle, offset, len).await.map(|data| data.data) });
        async move {
            read.await.unwrap_or_else(|e| Err(russh_sftp::client::error::Error::UnexpectedBehavior(e.to_string())))
        }
        .boxed()
    }
}
