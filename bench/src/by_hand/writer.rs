//! Writing to a database by hand: one thread, which puts what waits under one commit.

use std::{
    path::Path,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use anyhow::Context;
use rusqlite::{Connection, TransactionBehavior, config::DbConfig, params_from_iter};
use tokio::sync::oneshot;

use super::rows::Bound;

/// Statements that are kept prepared.
const STATEMENTS: usize = 512;

struct Job {
    statements: Vec<Bound>,
    done: oneshot::Sender<anyhow::Result<()>>,
}

/// The writer of one database; ends with this value.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Of the database at `path`, with the settings of the node's, except that SQLite itself sees to it that a commit is on
    /// the disk.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", 3_000)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let (jobs, waiting) = mpsc::channel();
        let thread =
            thread::Builder::new().name("by-hand-writer".to_owned()).spawn(move || run(connection, &waiting))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Returns when it is on the disk.
    pub(super) async fn commit(&self, statements: Vec<Bound>) -> anyhow::Result<()> {
        let (done, outcome) = oneshot::channel();
        let jobs = self.jobs.as_ref().context("the writer has ended")?;
        jobs.send(Job { statements, done }).map_err(|_| anyhow::anyhow!("the writer has ended"))?;
        outcome.await.context("the writer has ended")?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was seen by who waited for it.
            let _ = thread.join();
        }
    }
}

fn run(mut connection: Connection, waiting: &mpsc::Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let jobs: Vec<Job> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let written = write(&mut connection, &jobs);
        for job in jobs {
            let outcome = written.as_ref().copied().map_err(|error| anyhow::anyhow!("{error:#}"));
            // Who does not wait any more need not be told.
            let _ = job.done.send(outcome);
        }
    }
}

fn write(connection: &mut Connection, jobs: &[Job]) -> anyhow::Result<()> {
    let together = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (sql, values) in jobs.iter().flat_map(|job| &job.statements) {
        let touched = together.prepare_cached(sql)?.execute(params_from_iter(values)).context(sql.clone())?;
        anyhow::ensure!(touched == 1, "{touched} rows were touched by {sql}");
    }
    together.commit()?;
    Ok(())
}
