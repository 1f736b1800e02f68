//! The one writer, with group commit.
//!
//! A durable commit costs a disk flush however small it is. So the writer takes every batch that is waiting, runs each
//! under its own savepoint (one that fails takes nothing else down) and makes them durable together; callers are
//! answered only after that commit.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::bind;
use crate::db::{Batch, DbError, Statement, backend::Answer};

/// Most batches under one commit: bounds how long the first of them waits.
const GROUP: usize = 256;

/// A batch and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    /// What has to be in first.
    pub(super) before: Option<Batch>,
    pub(super) batch: Batch,
    pub(super) answer: oneshot::Sender<(Result<(), DbError>, Answer)>,
}

/// Runs until every sender is gone; ends with everything committed.
pub(super) fn run(connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(GROUP);
    while jobs.blocking_recv_many(&mut waiting, GROUP) > 0 {
        commit_group(&connection, waiting.drain(..));
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

fn commit_group(connection: &Connection, jobs: impl Iterator<Item = Job>) {
    let mut done = Vec::new();
    let begun = run_sql(connection, "BEGIN IMMEDIATE");
    for job in jobs {
        let outcome =
            begun.clone().and_then(|()| job.before.as_ref().map_or(Ok(vec![]), |first| run_one(connection, first)));
        let then = outcome.clone().and_then(|_| run_one(connection, &job.batch));
        done.push((job.answer, outcome.map(drop), then));
    }
    let committed = begun.and_then(|()| run_sql(connection, "COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        // The transaction is still open; should even this fail, the next BEGIN says so to its callers.
        let _ = run_sql(connection, "ROLLBACK");
    }
    for (answer, before, then) in done {
        // A caller that went away does not need its answer; its batch stands.
        let _ = answer.send((committed.clone().and(before), committed.clone().and(then)));
    }
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
