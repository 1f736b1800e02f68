//! Where metrics are kept: an SQLite file of their own beside the database, so that they never wait for its durable commits
//! nor the commits for them.
//!
//! What a host tells is appended as one row (`fresh`). Every ten minutes those of a host become one row a VM (`raw`), and
//! every hour six of these become one of minutes and one of five minutes ([`crate::chunk`]); each is deleted at its age.
//! Nothing is held in memory between the steps, so a restart or crash loses nothing that was written. Writes are not
//! flushed one by one: a power failure may take the last seconds, and that is all.
//!
//! | rows | a point every | a row | kept |
//! |---|---|---|---|
//! | `fresh` | 10 s | a host, one time | until they are `raw` |
//! | `raw` | 10 s | 10 minutes | 6 hours |
//! | `minute` | 1 min | 1 hour | 1 day |
//! | `five` | 5 min | 1 hour | 7 days |

mod bound;
mod fresh;
mod read;
mod rollup;
mod subjects;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use cumulo_schema::Uuid;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use crate::{catalog::Kind, chunk::Unreadable, series::Measured};
pub(crate) use read::Question;
use writer::Job;

/// Hosts' rows that wait for the writer before they are dropped.
const BACKLOG: usize = 8192;
/// Seconds of a row of `raw`.
pub(crate) const RAW_ROW: i64 = 600;
/// Seconds of a row of `minute` and `five`.
pub(crate) const HOUR: i64 = 3600;

/// How fine points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Raw,
    Minute,
    Five,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Raw, Self::Minute, Self::Five];

    /// Seconds from point to point.
    pub(crate) fn step(self) -> i64 {
        match self {
            Self::Raw => 10,
            Self::Minute => 60,
            Self::Five => 300,
        }
    }

    /// Seconds for which it is kept.
    pub(crate) fn kept(self) -> i64 {
        match self {
            Self::Raw => 6 * HOUR,
            Self::Minute => 24 * HOUR,
            Self::Five => 7 * 24 * HOUR,
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Minute => "minute",
            Self::Five => "five",
        }
    }
}

/// The store fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened; it holds nothing that cannot be done without.
    #[error("the metrics in {path} cannot be opened; the file may be deleted if it is damaged")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: rusqlite::Error,
    },
    /// The file cannot be read or written.
    #[error("the metrics could not be read or written")]
    Database(#[from] rusqlite::Error),
    /// What is in it cannot be understood.
    #[error("stored metrics are unreadable")]
    Unreadable(#[from] Unreadable),
    /// The writer has ended.
    #[error("the metrics are closed")]
    Closed,
}

impl From<prost::DecodeError> for StoreError {
    fn from(cause: prost::DecodeError) -> Self {
        Self::Unreadable(cause.into())
    }
}

/// What one host told at one time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostRow {
    pub(crate) host: Uuid,
    /// Seconds since 1970.
    pub(crate) time: i64,
    pub(crate) measured: Arc<Vec<Measured>>,
}

/// A handle on the store; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Taken when the store is closed.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Connections that nobody reads with at the moment.
    idle: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens, and creates if needed, the store at `path`, which may take `most` bytes.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn open(path: &Path, most: u64) -> Result<Self, StoreError> {
        let failed = |cause| StoreError::Open { path: path.to_owned(), cause };
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
            .and_then(|connection| {
                connection.pragma_update(None, "journal_mode", "WAL")?;
                // Flushed when the log is put into the file, not at each commit.
                connection.pragma_update(None, "synchronous", "NORMAL")?;
                connection.execute_batch(include_str!("../../schema.sql"))?;
                Ok(connection)
            })
            .map_err(failed)?;
        let (jobs, waiting) = mpsc::channel(BACKLOG);
        std::thread::Builder::new()
            .name("metrics-writer".to_owned())
            .spawn(move || writer::run(connection, waiting, most))
            .map_err(|cause| failed(rusqlite::Error::ToSqlConversionFailure(Box::new(cause))))?;
        let inner = Inner { path: path.to_owned(), jobs: Some(jobs).into(), idle: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Has a row written soon; `false` where so many wait that it is dropped.
    pub(crate) fn put(&self, row: HostRow) -> bool {
        self.jobs().is_some_and(|jobs| jobs.try_send(Job::Put(row)).is_ok())
    }

    /// Waits until everything put before is written.
    ///
    /// # Errors
    /// When the store is closed.
    pub(crate) async fn settle(&self) -> Result<(), StoreError> {
        self.ask(Job::Settle).await
    }

    /// Does some of the work that is due at `now`: a slice, so that rows that wait are not kept waiting. Answers whether
    /// there is more.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn maintain(&self, now: i64) -> Result<bool, StoreError> {
        self.ask(|answer| Job::Maintain { now, answer }).await?
    }

    /// Deletes everything of `gone`, hosts or VMs.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn forget(&self, gone: Vec<Uuid>) -> Result<(), StoreError> {
        self.ask(|answer| Job::Forget { gone, answer }).await?
    }

    /// Whose metrics there are.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn subjects(&self) -> Result<Vec<(Kind, Uuid)>, StoreError> {
        self.read(subjects::all).await
    }

    /// The series that `question` asks for.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn series(&self, question: Question) -> Result<Vec<crate::series::Series>, StoreError> {
        self.read(move |connection| read::series(connection, &question)).await
    }

    /// Bytes in use in the file.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn size(&self) -> Result<u64, StoreError> {
        self.read(|connection| Ok(bound::size(connection)?)).await
    }

    /// Takes nothing more; what was put before is still written.
    pub(crate) fn close(&self) {
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn jobs(&self) -> Option<mpsc::Sender<Job>> {
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let jobs = self.jobs().ok_or(StoreError::Closed)?;
        jobs.send(job(answer)).await.map_err(|_| StoreError::Closed)?;
        drop(jobs);
        outcome.await.map_err(|_| StoreError::Closed)
    }

    /// Reads in one snapshot, on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let work = move || {
            let idle = inner.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => connect(&inner.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
            };
            let snapshot = connection.transaction()?;
            let found = read(&snapshot)?;
            drop(snapshot);
            inner.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(found)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    Ok(connection)
}
