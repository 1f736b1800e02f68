//! The one writer, with group commit.
//!
//! A durable commit costs a disk flush however small it is. So the writer takes every batch that is waiting, runs each
//! under its own savepoint (one that fails takes nothing else down) and commits them together. Who asked for no more than
//! that is answered then; the others when the log is flushed, together.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    bind,
    log::{Checkpoints, Log},
};
use crate::db::{Batch, DbError, Statement, backend::Answer};

/// Most batches under one commit: bounds how long the first of them waits.
const GROUP: usize = 256;

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Work {
    /// A batch.
    Commit(Job),
    /// Only that what was applied before becomes durable.
    Flush(oneshot::Sender<Result<(), DbError>>),
}

/// A batch and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    /// What has to be in first.
    pub(super) before: Option<Batch>,
    pub(super) batch: Batch,
    /// Whether the answer says that it is on the disk.
    pub(super) durable: bool,
    pub(super) answer: oneshot::Sender<(Result<(), DbError>, Answer)>,
}

/// Runs until every sender is gone; ends with everything committed.
pub(super) fn run(mut connection: Connection, log: &Log, checkpoints: Checkpoints, mut work: mpsc::Receiver<Work>) {
    let pages = Arc::new(AtomicU64::new(0));
    let counted = pages.clone();
    let counts = connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
        counted.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }));
    if let Err(error) = counts {
        // Memory is out; the log grows until the next start.
        tracing::error!(%error, "the database's log is not watched");
    }
    let mut waiting = Vec::with_capacity(GROUP);
    while work.blocking_recv_many(&mut waiting, GROUP) > 0 {
        commit_group(&connection, log, waiting.drain(..));
        checkpoints.after(&connection, pages.load(Ordering::Relaxed));
    }
    if let Err(error) = log.flush() {
        tracing::error!(%error, "the database's last commits may not be on the disk");
    }
    // Before the connection, which empties the log if it is the last.
    drop(checkpoints);
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

fn commit_group(connection: &Connection, log: &Log, work: impl Iterator<Item = Work>) {
    let (mut flushes, mut jobs) = (Vec::new(), Vec::new());
    for work in work {
        match work {
            Work::Commit(job) => jobs.push(job),
            Work::Flush(answer) => flushes.push(answer),
        }
    }
    let mut durable = apply(connection, log, jobs);
    if flushes.is_empty() && durable.is_empty() {
        return;
    }
    let flushed = log.flush();
    // A caller that went away does not need its answer; its batch stands.
    for answer in flushes {
        let _ = answer.send(flushed.clone());
    }
    for (answer, before, then) in durable.drain(..) {
        let _ = answer.send((flushed.clone().and(before), flushed.clone().and(then)));
    }
}

type Applied = (oneshot::Sender<(Result<(), DbError>, Answer)>, Result<(), DbError>, Answer);

/// Commits the batches and answers those that need not be durable. The others are returned.
fn apply(connection: &Connection, log: &Log, jobs: Vec<Job>) -> Vec<Applied> {
    if jobs.is_empty() {
        return Vec::new();
    }
    let mut done = Vec::with_capacity(jobs.len());
    let begun = log.sound().and_then(|()| run_sql(connection, "BEGIN IMMEDIATE"));
    for job in jobs {
        let outcome =
            begun.clone().and_then(|()| job.before.as_ref().map_or(Ok(vec![]), |first| run_one(connection, first)));
        let then = outcome.clone().and_then(|_| run_one(connection, &job.batch));
        done.push((job.durable, (job.answer, outcome.map(drop), then)));
    }
    let committed = begun.and_then(|()| run_sql(connection, "COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        // The transaction is still open; should even this fail, the next BEGIN says so to its callers.
        let _ = run_sql(connection, "ROLLBACK");
    }
    log.applied();
    let mut durable = Vec::new();
    for (waits, (answer, before, then)) in done {
        let (before, then) = (committed.clone().and(before), committed.clone().and(then));
        if waits {
            durable.push((answer, before, then));
        } else {
            let _ = answer.send((before, then));
        }
    }
    durable
}

fn run_one(connection: &Connection, batch: &Batch) -> Answer {
    run_sql(connection, "SAVEPOINT batch")?;
    let outcome = batch.statements.iter().map(|statement| execute(connection, statement)).collect::<Answer>();
    if outcome.is_err() || batch.trial {
        run_sql(connection, "ROLLBACK TO batch")?;
    }
    run_sql(connection, "RELEASE batch")?;
    outcome
}

fn execute(connection: &Connection, statement: &Statement) -> Result<u64, DbError> {
    let run = || {
        let mut prepared = connection.prepare_cached(&statement.sql)?;
        bind(&mut prepared, &statement.args)?;
        prepared.raw_execute()
    };
    let touched = run().map_err(|cause| DbError::sqlite(&statement.what, cause))?;
    statement.expected(u64::try_from(touched).unwrap_or(u64::MAX))
}

fn run_sql(connection: &Connection, sql: &'static str) -> Result<(), DbError> {
    let run = || connection.prepare_cached(sql)?.execute([]);
    run().map(drop).map_err(|cause| DbError::sqlite(sql, cause))
}
