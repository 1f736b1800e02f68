//! The embedded database: one thread that writes, and connections that read without ever waiting for it.
//!
//! SQLite is a library that works in the caller's thread, so we use it that way: a batch costs one hand-over to the
//! writer and not one a statement, and a read that is known to be short costs none.

mod reader;
mod writer;

use std::{path::Path, sync::PoisonError, thread::JoinHandle, time::Duration};

use cumulo_schema::Cell;
use rusqlite::{Connection, OpenFlags, Statement, config::DbConfig, types::Null};
use tokio::sync::{mpsc, oneshot};

use self::{reader::Readers, writer::Job};
use super::{Batch, DbError, backend::Outcome, row::DbRow};

/// Waiting batches before callers wait for room.
const WRITER_BACKLOG: usize = 4096;
/// Longest wait for another process that holds the file, such as a backup.
const BUSY: Duration = Duration::from_secs(10);
/// Prepared statements kept a connection; there are a few hundred distinct ones.
const STATEMENTS: usize = 512;

/// The embedded database.
#[derive(Debug)]
pub(super) struct Sqlite {
    readers: Readers,
    // Both are taken when the database closes.
    jobs: std::sync::Mutex<Option<mpsc::Sender<Job>>>,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, DbError> {
        let failed = |cause| DbError::sqlite(format!("open {}", path.display()), cause);
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
            .and_then(|connection| {
                connection.pragma_update(None, "journal_mode", "WAL")?;
                // A commit is on the disk when it is answered.
                connection.pragma_update(None, "synchronous", "FULL")?;
                connection.pragma_update(None, "foreign_keys", true)?;
                Ok(connection)
            })
            .map_err(failed)?;
        let readers = Readers::open(path).map_err(failed)?;
        let (jobs, waiting) = mpsc::channel(WRITER_BACKLOG);
        let writer = std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || writer::run(connection, waiting))
            .map_err(|cause| DbError::Failed {
                what: "start its writer".to_owned(),
                cause: std::sync::Arc::new(cause),
            })?;
        Ok(Self { readers, jobs: Some(jobs).into(), writer: Some(writer).into() })
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        self.readers.path()
    }

    pub(super) async fn commit(&self, before: Option<Batch>, batch: Batch) -> Outcome {
        let closed = || (Err(DbError::Closed), Err(DbError::Closed));
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(jobs) = jobs else { return closed() };
        let (answer, outcome) = oneshot::channel();
        if jobs.send(Job { before, batch, answer }).await.is_err() {
            return closed();
        }
        // Held, it would keep the writer waiting for more.
        drop(jobs);
        outcome.await.unwrap_or_else(|_| closed())
    }

    /// A read of unknown length.
    pub(super) async fn fetch(&self, sql: String, args: Vec<Cell>) -> Result<Vec<DbRow>, DbError> {
        self.readers.apart(sql, args).await
    }

    /// A read of a few rows by an index, in the caller's thread.
    pub(super) fn fetch_here(&self, sql: &str, args: &[Cell]) -> Result<Vec<DbRow>, DbError> {
        self.readers.here(sql, args)
    }

    pub(super) async fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.readers.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return };
        // The thread ends when every clone of the sender is gone and what waits is committed.
        match tokio::task::spawn_blocking(|| writer.join()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("the database writer panicked"),
            Err(error) => tracing::error!(%error, "the end of the database writer was not seen"),
        }
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    // Otherwise a statement is planned anew whenever a value is bound that its plan might depend on, which is nearly always,
    // and which costs more than reading a row by its key.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Binds the cells in order.
fn bind(statement: &mut Statement<'_>, args: &[Cell]) -> rusqlite::Result<()> {
    for (index, cell) in args.iter().enumerate() {
        match cell {
            Cell::Null => statement.raw_bind_parameter(index + 1, Null)?,
            Cell::Int(number) => statement.raw_bind_parameter(index + 1, number)?,
            Cell::Text(text) => statement.raw_bind_parameter(index + 1, text)?,
        }
    }
    Ok(())
}
