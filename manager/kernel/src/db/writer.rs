//! The one writer of the embedded database, with group commit.
//!
//! A durable commit costs a disk flush however small it is. So the writer takes every batch that is waiting, runs each
//! under its own savepoint (one that fails takes nothing else down) and makes them durable together; callers are
//! answered only after that commit.

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{Batch, DbError, backend::execute_sqlite};

/// Most batches under one commit: bounds how long the first of them waits.
const GROUP: usize = 256;

pub(super) type Answer = Result<Vec<u64>, DbError>;

/// A batch and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// Runs until every sender is gone; ends with everything committed.
pub(super) async fn run(mut connection: SqliteConnection, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(GROUP);
    while jobs.recv_many(&mut waiting, GROUP).await > 0 {
        commit_group(&mut connection, waiting.drain(..)).await;
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

async fn commit_group(connection: &mut SqliteConnection, jobs: impl Iterator<Item = Job>) {
    let mut done = Vec::new();
    let begun = run_sql(connection, "BEGIN IMMEDIATE").await;
    for job in jobs {
        let outcome = match &begun {
            Ok(()) => run_one(connection, &job.batch).await,
            Err(error) => Err(error.clone()),
        };
        done.push((job.answer, outcome));
    }
    let committed = match begun {
        Ok(()) => run_sql(connection, "COMMIT").await,
        Err(error) => Err(error),
    };
    if committed.is_err() {
        // After a failed COMMIT the transaction may still be open; a failed BEGIN leaves none, and this is harmless.
        let _ = run_sql(connection, "ROLLBACK").await;
    }
    for (answer, outcome) in done {
        // A caller that went away does not need its answer; its batch stands.
        let _ = answer.send(committed.clone().and(outcome));
    }
}

async fn run_one(connection: &mut SqliteConnection, batch: &Batch) -> Answer {
    run_sql(connection, "SAVEPOINT batch").await?;
    let mut touched = Vec::with_capacity(batch.statements.len());
    for statement in &batch.statements {
        match execute_sqlite(connection, statement).await {
            Ok(rows) => touched.push(rows),
            Err(error) => {
                run_sql(connection, "ROLLBACK TO batch").await?;
                run_sql(connection, "RELEASE batch").await?;
                return Err(error);
            }
        }
    }
    run_sql(connection, "RELEASE batch").await?;
    Ok(touched)
}

async fn run_sql(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), DbError> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(|cause| DbError::failed(sql, cause))
}
