//! A file to an SFTP server, in writes of which several are under way at once, as reads are when one comes.

use std::{collections::VecDeque, sync::Arc};

use cumulo_agent_rt::storage::{Confined, StorageError};
use russh_sftp::{client::RawSftpSession, protocol::OpenFlags};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs,
    io::{AsyncReadExt as _, BufReader},
    task::JoinHandle,
};

use super::{AHEAD, CHUNK, Session};
use crate::{
    HostError,
    images::{OnProgress, RemoteFile},
};

/// Bytes read from the disk at once.
const BUFFER: usize = 1 << 20;

pub(super) async fn upload(from: &Confined, to: &RemoteFile, progress: OnProgress<'_>) -> Result<String, HostError> {
    from.check_links()?;
    let path = from.path();
    let file = fs::File::open(path).await.map_err(StorageError::io("open", path))?;
    let size = file.metadata().await.map_err(StorageError::io("look at", path))?.len();
    let session = Session::open(to).await?;
    let sftp = &session.sftp;
    // Without CREATE: what was removed meanwhile stays removed.
    let opened = sftp.open(to.path.as_str(), OpenFlags::WRITE, Default::default()).await;
    let cannot = |cause| to.failed_by(format!("{} on {} cannot be opened for writing", to.path, to.host), cause);
    let handle = opened.map_err(cannot)?.handle;
    let (mut file, mut digest, mut sent) = (BufReader::with_capacity(BUFFER, file), Sha256::new(), 0);
    let mut writes = Writes { sftp: Arc::clone(sftp), handle: handle.clone(), waiting: VecDeque::new() };
    loop {
        let mut chunk = Vec::new();
        let read = (&mut file).take(CHUNK.into()).read_to_end(&mut chunk).await;
        if read.map_err(StorageError::io("read", path))? == 0 {
            break;
        }
        digest.update(&chunk);
        let offset = sent;
        sent += chunk.len() as u64;
        writes.send(offset, chunk, to).await?;
        progress(sent, size);
    }
    writes.end(to).await?;
    let stat = sftp.fstat(&*handle).await;
    let arrived = stat.map_err(|cause| to.failed_by(format!("{} cannot be looked at", to.path), cause))?.attrs.size;
    if arrived.is_some_and(|arrived| arrived != sent) {
        let arrived = arrived.unwrap_or_default();
        return Err(to.failed(format!("{} on {} has {arrived} bytes and not the {sent} sent", to.path, to.host)));
    }
    let closed = sftp.close(handle).await;
    closed.map_err(|cause| to.failed_by(format!("{} on {} was not written to its end", to.path, to.host), cause))?;
    Ok(hex::encode(digest.finalize()))
}

type Write = JoinHandle<Result<(), russh_sftp::client::error::Error>>;

/// Writes to one file, several of them not yet answered.
struct Writes {
    sftp: Arc<RawSftpSession>,
    handle: String,
    waiting: VecDeque<Write>,
}

impl Writes {
    async fn send(&mut self, offset: u64, bytes: Vec<u8>, to: &RemoteFile) -> Result<(), HostError> {
        if self.waiting.len() >= AHEAD {
            self.settle(to).await?;
        }
        let (sftp, handle) = (Arc::clone(&self.sftp), self.handle.clone());
        self.waiting.push_back(tokio::spawn(async move { sftp.write(handle, offset, bytes).await.map(drop) }));
        Ok(())
    }

    async fn end(&mut self, to: &RemoteFile) -> Result<(), HostError> {
        while !self.waiting.is_empty() {
            self.settle(to).await?;
        }
        Ok(())
    }

    /// Waits for the oldest.
    async fn settle(&mut self, to: &RemoteFile) -> Result<(), HostError> {
        let Some(write) = self.waiting.pop_front() else { return Ok(()) };
        let why = || format!("{} takes no more of it; is its disk full?", to.host);
        match write.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cause)) => Err(to.failed_by(why(), cause)),
            Err(cause) => Err(to.failed_by(why(), cause)),
        }
    }
}
