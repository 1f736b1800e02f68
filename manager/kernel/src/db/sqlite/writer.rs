//! The one connection that writes, with group commit.
//!
//! A durable commit costs a disk flush however small it is. So the writer's thread takes every batch that is waiting, runs
//! each under its own savepoint (one that fails takes nothing else down) and commits them together. Who asked for no more
//! than that is answered then; the others when the log is flushed, together.
//!
//! Waking that thread and being woken by it costs more than a small commit. So one that nobody has to wait for, and that
//! finds the connection free, is run where it is asked for ([`Pen::here`]).
//!
//! Reads that find it free use it too ([`Pen::lend`]): of all connections it alone keeps the pages that it has in memory when
//! something is written, while the others drop all of theirs and read them from the file again.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    BUSY, bind,
    log::{Checkpoints, Log, MOVE_MYSELF_FROM},
    recent::Recent,
};
use crate::db::{
    Batch, DbError, Statement,
    backend::{Answer, Outcome},
};

/// Most batches under one commit: bounds how long the first of them waits.
const GROUP: usize = 256;
/// Most statements that are run in the thread of who asks: about a third of a millisecond.
const SHORT: usize = 48;
/// How often a read looks whether the one before it is done: for about as long as most of them take.
const LOOKS: usize = 500;

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
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// The connection that writes, whoever's turn it is.
#[derive(Debug)]
pub(super) struct Pen {
    /// Absent when the database is closed.
    connection: Mutex<Option<Connection>>,
    /// Whether it is lent to a read, and so free again before long.
    lent: AtomicBool,
    log: Arc<Log>,
    recent: Arc<Recent>,
    checkpoints: Checkpoints,
    /// Pages in the log after the last commit.
    pages: Arc<AtomicU64>,
    /// What was handed over to the thread and not taken up. While there is some, nobody gets in before.
    queued: AtomicUsize,
}

impl Pen {
    pub(super) fn new(
        mut connection: Connection,
        log: Arc<Log>,
        recent: Arc<Recent>,
        checkpoints: Checkpoints,
    ) -> Self {
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
        let (connection, lent) = (Mutex::new(Some(connection)), AtomicBool::new(false));
        Self { connection, lent, log, recent, checkpoints, pages, queued: AtomicUsize::new(0) }
    }

    /// To be said before something is handed over to the thread.
    pub(super) fn queue(&self) {
        self.queued.fetch_add(1, Ordering::AcqRel);
    }

    /// Applies `batch` in this thread if that is soon done; whoever asked sees to its durability. `None` where the writer's
    /// thread has to do it: others are there, it is long, or the log has to be moved first.
    pub(super) fn here(&self, before: Option<&Batch>, batch: &Batch) -> Option<Outcome> {
        let statements = batch.statements.len() + before.map_or(0, |first| first.statements.len());
        let moves = self.pages.load(Ordering::Relaxed) >= MOVE_MYSELF_FROM;
        if statements > SHORT || moves || self.queued.load(Ordering::Acquire) > 0 {
            return None;
        }
        let held = match self.connection.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A read is over sooner than a thread is woken.
            Err(TryLockError::WouldBlock) if self.lent.load(Ordering::Acquire) => self.hold(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let connection = held.as_ref()?;
        // Should another process hold the file, the thread waits for it.
        let begin = || {
            let waiting = |time| connection.busy_timeout(time).map_err(|cause| DbError::sqlite("wait", cause));
            waiting(Duration::ZERO)?;
            let begun = self.begin(connection);
            waiting(BUSY)?;
            begun
        };
        self.log.sound().ok()?;
        let both = std::iter::once((before, batch));
        let outcome = run_all(connection, begin, both.clone()).ok()?.pop()?;
        let committed = self.commit(connection, both);
        self.checkpoints.wake(self.pages.load(Ordering::Relaxed));
        Some(provided(&committed, outcome))
    }

    /// Runs `read` on the connection, if nobody is at it but another read, or waits for it. It has to be short, and to leave
    /// the connection as it was.
    pub(super) fn lend<T>(&self, read: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        let mut held = (0..LOOKS).find_map(|_| {
            if self.queued.load(Ordering::Acquire) > 0 {
                return Some(None);
            }
            match self.connection.try_lock() {
                Ok(held) => Some(Some(held)),
                Err(TryLockError::Poisoned(poisoned)) => Some(Some(poisoned.into_inner())),
                Err(TryLockError::WouldBlock) if self.lent.load(Ordering::Acquire) => {
                    std::hint::spin_loop();
                    None
                }
                Err(TryLockError::WouldBlock) => Some(None),
            }
        })??;
        let connection = held.as_mut()?;
        self.lent.store(true, Ordering::Release);
        let read = read(connection);
        self.lent.store(false, Ordering::Release);
        Some(read)
    }

    fn begin(&self, connection: &Connection) -> Result<(), DbError> {
        self.recent.begin();
        run_sql(connection, "BEGIN IMMEDIATE")
    }

    /// Commits the transaction in which these batches were run.
    fn commit<'b>(&self, connection: &Connection, batches: impl Iterator<Item = Pair<'b>>) -> Result<(), DbError> {
        let statements = batches.flat_map(|(first, then)| first.into_iter().chain([then])).flat_map(|b| &b.statements);
        let committed = self.recent.during(statements, || {
            let committed = run_sql(connection, "COMMIT");
            if committed.is_err() && !connection.is_autocommit() {
                // The transaction is still open; should even this fail, the next BEGIN says so to its callers.
                let _ = run_sql(connection, "ROLLBACK");
            }
            committed
        });
        self.log.applied();
        committed
    }

    fn hold(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until every sender is gone; ends with everything committed.
pub(super) fn run(pen: &Pen, mut work: mpsc::Receiver<Work>) {
    let mut waiting = Vec::with_capacity(GROUP);
    while work.blocking_recv_many(&mut waiting, GROUP) > 0 {
        pen.queued.fetch_sub(waiting.len(), Ordering::AcqRel);
        commit_group(pen, waiting.drain(..));
    }
    let connection = pen.hold().take();
    if let Err(error) = pen.log.flush() {
        tracing::error!(%error, "the database's last commits may not be on the disk");
    }
    // Before the connection, which empties the log if it is the last.
    pen.checkpoints.stop();
    if let Some(Err((_, error))) = connection.map(Connection::close) {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

fn commit_group(pen: &Pen, work: impl Iterator<Item = Work>) {
    let (mut flushes, mut jobs) = (Vec::new(), Vec::new());
    for work in work {
        match work {
            Work::Commit(job) => jobs.push(job),
            Work::Flush(answer) => flushes.push(answer),
        }
    }
    let mut durable = Vec::new();
    if !jobs.is_empty() {
        let held = pen.hold();
        // Closed by this thread alone, later.
        let Some(connection) = held.as_ref() else { return };
        durable = apply(pen, connection, jobs);
        pen.checkpoints.after(connection, pen.pages.load(Ordering::Relaxed));
    }
    if flushes.is_empty() && durable.is_empty() {
        return;
    }
    let flushed = pen.log.flush();
    // A caller that went away does not need its answer; its batch stands.
    for answer in flushes {
        let _ = answer.send(flushed.clone());
    }
    for (answer, outcome) in durable {
        let _ = answer.send(provided(&flushed, outcome));
    }
}

/// `outcome`, where what it rests on went well.
pub(super) fn provided(base: &Result<(), DbError>, (before, then): Outcome) -> Outcome {
    (base.clone().and(before), base.clone().and(then))
}

/// A batch, and what has to be in before it.
type Pair<'b> = (Option<&'b Batch>, &'b Batch);
type Applied = (oneshot::Sender<Outcome>, Outcome);

/// Commits the batches and answers those that need not be durable. The others are returned.
fn apply(pen: &Pen, connection: &Connection, jobs: Vec<Job>) -> Vec<Applied> {
    let batches = jobs.iter().map(|job| (job.before.as_ref(), &job.batch));
    let run = pen.log.sound().and_then(|()| run_all(connection, || pen.begin(connection), batches.clone()));
    let (committed, outcomes) = match run {
        Ok(outcomes) => (pen.commit(connection, batches), outcomes),
        Err(error) => (Err(error), vec![(Ok(()), Ok(vec![])); jobs.len()]),
    };
    let mut durable = Vec::new();
    for (job, outcome) in jobs.into_iter().zip(outcomes) {
        let outcome = provided(&committed, outcome);
        if job.durable {
            durable.push((job.answer, outcome));
        } else {
            let _ = job.answer.send(outcome);
        }
    }
    durable
}

/// Runs `first` and `then` in a transaction of their own.
pub(in crate::db) fn transact(connection: &Connection, first: Option<&Batch>, then: &Batch) -> Outcome {
    let both = |error: DbError| (Err(error.clone()), Err(error));
    let begin = || run_sql(connection, "BEGIN IMMEDIATE");
    let outcome = match run_all(connection, begin, std::iter::once((first, then))) {
        Ok(mut outcomes) => outcomes.pop().unwrap_or((Ok(()), Ok(vec![]))),
        Err(error) => return both(error),
    };
    let committed = run_sql(connection, "COMMIT");
    provided(&committed, outcome)
}

/// Begins a transaction, and runs the batches in it.
///
/// A batch that fails is taken back by itself, for which SQLite copies every page before it is changed. But nearly all go
/// well: so they are run without that first, and should one fail, everything is taken back and they are run again, with it.
fn run_all<'b>(
    connection: &Connection,
    begin: impl Fn() -> Result<(), DbError>,
    batches: impl Iterator<Item = Pair<'b>> + Clone,
) -> Result<Vec<Outcome>, DbError> {
    begin()?;
    let well = batches.clone().map(|(first, then)| run_smooth(connection, first, then)).collect::<Option<Vec<_>>>();
    if let Some(outcomes) = well {
        return Ok(outcomes);
    }
    // Some errors end the transaction by themselves.
    if !connection.is_autocommit() {
        run_sql(connection, "ROLLBACK")?;
    }
    begin()?;
    Ok(batches.map(|(first, then)| run_both(connection, first, then)).collect())
}

/// Runs `first`, where there is one, and `then`. `None` when not all of it went well, and it has to be taken back.
fn run_smooth(connection: &Connection, first: Option<&Batch>, then: &Batch) -> Option<Outcome> {
    let run = |batch: &Batch| match batch.trial {
        true => None,
        false => batch.statements.iter().map(|statement| execute(connection, statement)).collect::<Answer>().ok(),
    };
    if let Some(first) = first {
        run(first)?;
    }
    Some((Ok(()), Ok(run(then)?)))
}

/// Runs `first`, where there is one, and `then` if that went well.
fn run_both(connection: &Connection, first: Option<&Batch>, then: &Batch) -> Outcome {
    let before = first.map_or(Ok(vec![]), |first| run_one(connection, first));
    let then = before.clone().and_then(|_| run_one(connection, then));
    (before.map(drop), then)
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
