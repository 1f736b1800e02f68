//! The embedded database: one connection that writes, and connections that read without ever waiting for it; one read at a
//! time may use the first.
//!
//! SQLite is a library that works in the caller's thread, so we use it that way: a batch costs at most one hand-over to the
//! writer and not one a statement, a short one that finds the writer free costs none, and neither does a read, unless it turns
//! out to be long.
//!
//! A commit is *applied* when everybody sees it, and *durable* when it is on the disk; in between lies a disk flush, which
//! costs more than all the rest. SQLite itself flushes nothing at a commit here (`synchronous=NORMAL`); [`log::Log`] does, once
//! for all commits applied so far, and only when somebody waits for it. Commits become durable in the order in which they
//! were applied, so a power failure takes the newest away and never one of the middle.

mod log;
mod reader;
mod recent;
mod writer;

use std::{
    path::Path,
    sync::{Arc, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use cumulo_schema::{Cell, FieldMeta};
use rusqlite::{Connection, OpenFlags, Statement, config::DbConfig, types::Null};
use tokio::sync::{mpsc, oneshot};

use self::{
    log::{Checkpoints, Log},
    reader::Readers,
    recent::{Question, Recent},
    writer::{Job, Pen, Work, provided},
};
use super::{Batch, DbError, Read, backend::Outcome, row::DbRow};
pub(super) use writer::transact;

/// Waiting batches before callers wait for room.
const WRITER_BACKLOG: usize = 4096;
/// Longest wait for another process that holds the file, such as a backup.
const BUSY: Duration = Duration::from_secs(10);
/// Memory for pages of the connection that writes, in KiB; what is not needed is not taken.
const CACHE: i32 = 16 << 10;
/// Prepared statements kept a connection; there are a few hundred distinct ones.
const STATEMENTS: usize = 512;

/// The embedded database.
#[derive(Debug)]
pub(super) struct Sqlite {
    readers: Readers,
    recent: Arc<Recent>,
    log: Arc<Log>,
    pen: Arc<Pen>,
    // Both are taken when the database closes.
    jobs: std::sync::Mutex<Option<mpsc::Sender<Work>>>,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, DbError> {
        let failed = |cause| DbError::sqlite(format!("open {}", path.display()), cause);
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
            .and_then(|connection| {
                connection.pragma_update(None, "journal_mode", "WAL")?;
                // The log is flushed by us: see the head of this module.
                connection.pragma_update(None, "synchronous", "NORMAL")?;
                connection.pragma_update(None, "foreign_keys", true)?;
                // Moved into the database's file by a thread of its own, as long as that keeps pace.
                connection.pragma_update(None, "wal_autocheckpoint", 0)?;
                // In KiB; most reads find what they need in it.
                connection.pragma_update(None, "cache_size", -CACHE)?;
                Ok(connection)
            })
            .map_err(failed)?;
        let log = Arc::new(Log::open(&connection, path)?);
        let checkpoints = Checkpoints::start(path)?;
        let (jobs, waiting) = mpsc::channel(WRITER_BACKLOG);
        let recent = Arc::new(Recent::of(&mut connection).map_err(failed)?);
        let pen = Arc::new(Pen::new(connection, log.clone(), recent.clone(), checkpoints));
        let readers = Readers::open(path, pen.clone()).map_err(failed)?;
        let pen_of_writer = pen.clone();
        let writer = std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || writer::run(&pen_of_writer, waiting))
            .map_err(|cause| DbError::Failed { what: "start its writer".to_owned(), cause: Arc::new(cause) })?;
        Ok(Self { readers, recent, log, pen, jobs: Some(jobs).into(), writer: Some(writer).into() })
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        self.readers.path()
    }

    /// Applies both in the caller's thread, without their being durable, if that is soon done.
    pub(super) fn apply_here(&self, before: Option<&Batch>, batch: &Batch) -> Option<Outcome> {
        self.pen.here(before, batch)
    }

    /// Commits; when this returns it is durable, or where that is not asked for, at least applied.
    pub(super) async fn commit(&self, before: Option<Batch>, batch: Batch, durable: bool) -> Outcome {
        if let Some(applied) = self.apply_here(before.as_ref(), &batch) {
            if !durable {
                return applied;
            }
            return provided(&self.flush().await, applied);
        }
        let (answer, outcome) = oneshot::channel();
        self.hand_over(Work::Commit(Job { before, batch, durable, answer })).await;
        outcome.await.unwrap_or_else(|_| (Err(DbError::Closed), Err(DbError::Closed)))
    }

    /// Returns when everything that was applied before the call is durable.
    pub(super) async fn flush(&self) -> Result<(), DbError> {
        if self.log.is_flushed() {
            return Ok(());
        }
        if self.log.is_calm() {
            return self.log.flush();
        }
        let (answer, outcome) = oneshot::channel();
        self.hand_over(Work::Flush(answer)).await;
        outcome.await.unwrap_or(Err(DbError::Closed))
    }

    #[cfg(test)]
    pub(super) fn is_flushed(&self) -> bool {
        self.log.is_flushed()
    }

    /// Gives the writer something to do. It does not arrive when the database is closed; whoever waits for its answer sees
    /// that.
    async fn hand_over(&self, work: Work) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(jobs) = jobs
            && let Ok(room) = jobs.reserve().await
        {
            self.pen.queue();
            room.send(work);
        }
    }

    /// Reads.
    pub(super) async fn fetch(&self, sql: Arc<str>, args: Vec<Cell>) -> Result<Vec<DbRow>, DbError> {
        self.readers.read(Read { sql, args, fields: None }).await
    }

    /// Reads rows of `table` alone, all columns of its declaration in that order.
    pub(super) async fn fetch_declared(
        &self,
        sql: Arc<str>,
        args: Vec<Cell>,
        table: &'static str,
        fields: &'static [FieldMeta],
    ) -> Result<Arc<[DbRow]>, DbError> {
        let (table, question) = (self.recent.table(table), Question { sql, args });
        let (version, fields) = (table.version(), Some(fields));
        if let Some(rows) = version.and_then(|version| self.recent.find(&question, version)) {
            return Ok(rows);
        }
        let Some(version) = version.filter(|_| self.recent.is_quiet(&table)) else {
            let Question { sql, args } = question;
            return Ok(self.readers.read(Read { sql, args, fields }).await?.into());
        };
        let (sql, args) = (question.sql.clone(), question.args.clone());
        let rows = self.readers.read(Read { sql, args, fields }).await?.into();
        self.recent.keep(question, version, &rows);
        Ok(rows)
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

/// A database of its own that ends with its connection.
pub(super) fn in_memory() -> Result<Connection, DbError> {
    let opened = connect(Path::new(":memory:"), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE);
    let ready = opened.and_then(|connection| {
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    });
    ready.map_err(|cause| DbError::sqlite("open in memory", cause))
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
