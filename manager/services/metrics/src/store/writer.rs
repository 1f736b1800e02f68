//! The one thread that writes.

use cumulo_schema::Uuid;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{HostRow, StoreError, bound, fresh, rollup, subjects};

/// Most rows under one commit.
const GROUP: usize = 512;

/// What is to be written.
#[derive(Debug)]
pub(super) enum Job {
    Put(HostRow),
    Settle(oneshot::Sender<()>),
    Maintain { now: i64, answer: oneshot::Sender<Result<bool, StoreError>> },
    Forget { gone: Vec<Uuid>, answer: oneshot::Sender<Result<(), StoreError>> },
}

/// Runs until every sender is gone.
pub(super) fn run(mut connection: Connection, mut jobs: mpsc::Receiver<Job>, most: u64) {
    let mut waiting = Vec::with_capacity(GROUP);
    while jobs.blocking_recv_many(&mut waiting, GROUP) > 0 {
        let mut rows = Vec::new();
        for job in waiting.drain(..) {
            if let Job::Put(row) = job {
                rows.push(row);
                continue;
            }
            // In order: what was put before is written before.
            put(&mut connection, &mut rows);
            // Who does not wait for the answer any more does not need it.
            match job {
                Job::Put(_) => {}
                Job::Settle(answer) => drop(answer.send(())),
                Job::Maintain { now, answer } => drop(answer.send(maintain(&mut connection, now, most))),
                Job::Forget { gone, answer } => {
                    drop(answer.send(within(&mut connection, |connection| Ok(subjects::forget(connection, &gone)?))));
                }
            }
        }
        put(&mut connection, &mut rows);
    }
}

fn put(connection: &mut Connection, rows: &mut Vec<HostRow>) {
    if rows.is_empty() {
        return;
    }
    let written = within(connection, |connection| Ok(rows.iter().try_for_each(|row| fresh::put(connection, row))?));
    if let Err(error) = written {
        tracing::warn!(%error, rows = rows.len(), "metrics could not be written and are lost");
    }
    rows.clear();
}

/// One slice; whether there is more.
fn maintain(connection: &mut Connection, now: i64, most: u64) -> Result<bool, StoreError> {
    let more = within(connection, |connection| fresh::compact_some(connection, now))?
        || within(connection, |connection| rollup::roll_some(connection, now))?;
    Ok(within(connection, |connection| Ok(bound::cut(connection, now, most)?))? || more)
}

fn within<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction()?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
