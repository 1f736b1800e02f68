//! Durable before anything follows from it, and no sooner: what an API call or a flow writes on its way.
//!
//! What a piece of work commits is seen by everybody at once, but the embedded database puts it on the disk only when the work
//! [settles](super::Db::settle): before it reaches outside of the database, and when it ends. A power failure takes back what
//! nobody could have acted upon, together with the journal that says so; the death of the process takes nothing back.
//!
//! And some writes wait for the next one of the same work.
//!
//! The journal has to say that a step starts before the step changes anything, and no sooner. So that write is not made
//! at once: it goes under the same durable commit as the step's own first write, or is made when the step first reaches
//! outside of the database ([`super::Db::settle`]). A step that does neither costs no commit at all, since the next
//! write about the same flow replaces it. What a crash loses this way is what nobody could have seen.
//!
//! A journal may also say of several steps at once that they start ([`Db::defer_update`]). Once that is on the disk, those
//! that write nothing on their way reach outside without waiting for it ([`Deferred::in_step`]).
//!
//! The work is an API call or a background flow, with everything it calls on this node: the deferred writes travel with
//! the call context.

use std::{
    future::Future,
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cumulo_schema::Uuid;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Batch, Db, DbError, backend::How};

tokio::task_local! {
    static DEFERRED: Option<Deferred>;
}

/// The deferred writes of one piece of work; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deferred {
    shared: Arc<Shared>,
    /// In a step whose start is on the disk: what [`Shared::changes`] was when it began.
    step: Option<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    writes: Arc<Mutex<Vec<Write>>>,
    /// What was deferred or committed, but for what is [done again](Batch::redone_by_its_step).
    changes: AtomicU64,
    /// Up to which of its steps a flow's journal tells.
    told: StdMutex<Vec<Told>>,
    /// Nobody will commit after the work's own end.
    last_commit_passed: AtomicBool,
}

/// What is still to be written about one subject.
#[derive(Debug)]
struct Write {
    about: Uuid,
    /// Its first row.
    insert: Option<Batch>,
    /// Its latest update, which covers all before it.
    update: Option<Batch>,
}

/// Up to where the journal about a flow tells of its steps.
#[derive(Debug, Clone, Copy)]
struct Told {
    about: Uuid,
    /// The last step of which it was written, or is to be, that it starts.
    until: usize,
    /// The last one of which that is on the disk.
    on_disk: Option<usize>,
}

impl Told {
    /// Whether the disk has it that the step in the place `at` of the flow `about` starts.
    fn is_on_disk(&self, about: Uuid, at: usize) -> bool {
        self.about == about && self.on_disk.is_some_and(|last| at <= last)
    }
}

impl Shared {
    fn told(&self) -> std::sync::MutexGuard<'_, Vec<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tells(&self, about: Uuid, until: usize) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let mut told = self.told();
        match told.iter_mut().find(|told| told.about == about) {
            Some(known) => known.until = until,
            None => told.push(Told { about, until, on_disk: None }),
        }
    }

    /// `before` is on the disk, whatever was told since.
    fn is_on_disk(&self, before: &[Told]) {
        for known in self.told().iter_mut() {
            if let Some(then) = before.iter().find(|then| then.about == known.about) {
                known.on_disk = Some(then.until);
            }
        }
    }
}

impl Deferred {
    /// Those of the current task.
    pub(crate) fn current() -> Option<Self> {
        DEFERRED.try_with(Clone::clone).ok().flatten()
    }

    /// Runs `work` with deferred writes of its own, whose last commit is the caller's: it must be announced by
    /// [`Deferred::last_commit_follows`].
    pub(crate) fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        DEFERRED.scope(Some(self.clone()), work)
    }

    /// Runs `work`, a step, with those of the current task: of a flow, in a place of that, where its start may have been told
    /// with another's. Where the disk has it already that it starts, nothing that it [settles](Db::settle) waits, as long as
    /// nothing has been written since it began, but for what it would write again: then there is nothing to lose.
    pub(crate) fn in_step<F: Future>(step: Option<(Uuid, usize)>, work: F) -> impl Future<Output = F::Output> {
        let deferred = Self::current().map(|deferred| {
            let is_on_disk = |(about, at)| deferred.shared.told().iter().any(|told| told.is_on_disk(about, at));
            let step = step.filter(|step| is_on_disk(*step)).map(|_| deferred.shared.changes.load(Ordering::SeqCst));
            Self { step, ..deferred }
        });
        DEFERRED.scope(deferred, work)
    }

    /// Runs `work` with those of the current task, also where it becomes another task.
    pub(crate) fn inherited<F: Future>(work: F) -> impl Future<Output = F::Output> {
        DEFERRED.scope(Self::current(), work)
    }

    /// To be said before the commit that ends the work: what is deferred after it has to be written by who defers it.
    pub(crate) fn last_commit_follows(&self) {
        self.shared.last_commit_passed.store(true, Ordering::SeqCst);
    }

    async fn insert(&self, about: Uuid, until: usize, batch: Batch) {
        let mut writes = self.shared.writes.lock().await;
        self.shared.tells(about, until);
        writes.push(Write { about, insert: Some(batch), update: None });
    }

    async fn update(&self, about: Uuid, until: usize, batch: Batch) {
        let mut writes = self.shared.writes.lock().await;
        self.shared.tells(about, until);
        match writes.iter_mut().find(|write| write.about == about) {
            Some(write) => write.update = Some(batch),
            None => writes.push(Write { about, insert: None, update: Some(batch) }),
        }
    }

    /// Commits `batch` after what waits. What waited stays waiting when it could not be written. What cannot be done at once
    /// is done in a task of its own: a caller that goes away would otherwise leave written what seems to wait.
    pub(super) async fn commit(&self, db: &Db, batch: Batch, surely: bool) -> Result<Vec<u64>, DbError> {
        let how = How { durable: self.shared.last_commit_passed.load(Ordering::SeqCst), surely };
        if !batch.redone {
            self.shared.changes.fetch_add(1, Ordering::SeqCst);
        }
        // Held during the commit: nothing of this work may overtake what waits.
        let mut writes = self.shared.writes.clone().lock_owned().await;
        if writes.is_empty() {
            drop(writes);
            return db.commit_alone(None, batch, how).await.1;
        }
        let before = joined(db, &writes);
        if let Some((before, outcome)) = db.apply_here(Some(&before), &batch) {
            if before.is_ok() {
                writes.clear();
            }
            drop(writes);
            return if how.durable { db.flush().await.and(outcome) } else { outcome };
        }
        let db = db.clone();
        let committed = tokio::spawn(async move {
            let (before, outcome) = db.commit_alone(Some(before), batch, how).await;
            if before.is_ok() {
                writes.clear();
            }
            outcome
        });
        committed.await.unwrap_or_else(|cause| Err(cut_off(cause)))
    }

    async fn settle(&self, db: &Db) -> Result<(), DbError> {
        if self.step.is_some_and(|before| before == self.shared.changes.load(Ordering::SeqCst)) {
            return Ok(());
        }
        let writes = self.shared.writes.clone().lock_owned().await;
        let told = self.shared.told().clone();
        self.settle_all(db, writes).await?;
        self.shared.is_on_disk(&told);
        Ok(())
    }

    async fn settle_all(&self, db: &Db, mut writes: OwnedMutexGuard<Vec<Write>>) -> Result<(), DbError> {
        if writes.is_empty() {
            drop(writes);
            return db.flush().await;
        }
        let waiting = joined(db, &writes);
        if let Some((_, outcome)) = db.apply_here(None, &waiting) {
            outcome?;
            writes.clear();
            drop(writes);
            return db.flush().await;
        }
        let db = db.clone();
        let committed = tokio::spawn(async move {
            db.commit_alone(None, waiting, How { durable: true, surely: true }).await.1?;
            writes.clear();
            Ok(())
        });
        committed.await.unwrap_or_else(|cause| Err(cut_off(cause)))
    }
}

/// The runtime ends, or the commit panicked.
fn cut_off(cause: tokio::task::JoinError) -> DbError {
    DbError::Failed { what: "commit".to_owned(), cause: Arc::new(cause) }
}

fn joined(db: &Db, writes: &[Write]) -> Batch {
    let mut batch = db.batch();
    for part in writes.iter().flat_map(|write| [&write.insert, &write.update]).flatten() {
        batch.append(part.clone());
    }
    batch
}

impl Db {
    /// Writes the first row `about` a flow, which tells that its steps up to `until` start, with the next commit of the current
    /// work; at once where there is none.
    pub(crate) async fn defer_insert(&self, about: Uuid, until: usize, batch: Batch) -> Result<(), DbError> {
        match Deferred::current() {
            Some(deferred) => {
                deferred.insert(about, until, batch).await;
                Ok(())
            }
            None => self.commit(batch).await.map(drop),
        }
    }

    /// As [`Db::defer_insert`], for an update that covers every earlier one `about` the same flow.
    pub(crate) async fn defer_update(&self, about: Uuid, until: usize, batch: Batch) -> Result<(), DbError> {
        match Deferred::current() {
            Some(deferred) => {
                deferred.update(about, until, batch).await;
                Ok(())
            }
            None => self.commit(batch).await.map(drop),
        }
    }

    /// As [`Db::defer_update`], for the last one: written with the commit that ends the current work, where that is
    /// still to come.
    pub(crate) async fn defer_end(&self, about: Uuid, batch: Batch) -> Result<(), DbError> {
        self.defer_update(about, 0, batch).await?;
        match Deferred::current() {
            Some(deferred) if deferred.shared.last_commit_passed.load(Ordering::SeqCst) => deferred.settle(self).await,
            _ => Ok(()),
        }
    }

    /// Makes durable what the current work has deferred and what anybody has committed. To be called before anything
    /// outside of the database is changed or told: an agent, another node, a machine over SSH, a web hook.
    ///
    /// # Errors
    /// When it cannot be written; then nothing may be changed.
    pub async fn settle(&self) -> Result<(), DbError> {
        match Deferred::current() {
            Some(deferred) => deferred.settle(self).await,
            None => self.flush().await,
        }
    }

    /// Drops what was deferred about a flow, as the death of the process would.
    pub(crate) async fn forget_deferred(&self, about: Uuid) {
        if let Some(deferred) = Deferred::current() {
            deferred.shared.writes.lock().await.retain(|write| write.about != about);
            deferred.shared.told().retain(|told| told.about != about);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Migration;

    const TABLE: Migration = Migration { name: "1", sql: "CREATE TABLE line (n INTEGER NOT NULL PRIMARY KEY)" };

    async fn db() -> (Db, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a directory");
        let db = Db::sqlite(&dir.path().join("db")).await.expect("opens");
        db.migrate(&[TABLE]).await.expect("migrates");
        (db, dir)
    }

    fn line(db: &Db, n: i64) -> Batch {
        let mut query = sea_query::Query::insert();
        query.into_table("line").columns(["n"]).values_panic([sea_query::Expr::val(n)]);
        let mut batch = db.batch();
        batch.push(&query, format!("insert {n}"), None);
        batch
    }

    async fn written(db: &Db) -> usize {
        db.fetch_sql("SELECT n FROM line".to_owned(), vec![]).await.expect("reads").len()
    }

    #[tokio::test]
    async fn what_is_deferred_is_written_with_the_next_commit_and_replaced_until_then() {
        let (db, _dir) = db().await;
        let (flow, work) = (Uuid::random(), Deferred::default());
        work.scope(async {
            db.defer_insert(flow, 0, line(&db, 1)).await.expect("defers");
            db.defer_update(flow, 0, line(&db, 2)).await.expect("defers");
            db.defer_update(flow, 0, line(&db, 3)).await.expect("defers");
            assert_eq!(written(&db).await, 0);
            let touched = db.commit(line(&db, 4)).await.expect("commits");
            assert_eq!(
                (touched, written(&db).await),
                (vec![1], 3),
                "the first, the last update, and the commit itself"
            );
            db.settle().await.expect("nothing to do");
            assert_eq!(written(&db).await, 3);
        })
        .await;
    }

    #[tokio::test]
    async fn a_refused_commit_keeps_what_came_before_it_and_a_refused_deferred_write_keeps_out_what_follows() {
        let (db, _dir) = db().await;
        let (flow, work) = (Uuid::random(), Deferred::default());
        work.scope(async {
            db.commit(line(&db, 9)).await.expect("commits");
            db.defer_update(flow, 0, line(&db, 1)).await.expect("defers");
            assert!(matches!(db.commit(line(&db, 9)).await, Err(DbError::Conflict { .. })));
            assert_eq!(written(&db).await, 2, "the journal stands, the refused batch does not");

            db.defer_update(flow, 0, line(&db, 9)).await.expect("defers");
            assert!(db.commit(line(&db, 2)).await.is_err());
            assert!(db.settle().await.is_err(), "nothing outside may be changed");
            assert_eq!(written(&db).await, 2);
        })
        .await;
    }

    #[tokio::test]
    async fn the_end_waits_for_the_last_commit_only_while_that_is_to_come() {
        let (db, _dir) = db().await;
        let (flow, work) = (Uuid::random(), Deferred::default());
        work.scope(async {
            db.defer_end(flow, line(&db, 1)).await.expect("defers");
            assert_eq!(written(&db).await, 0);
            work.last_commit_follows();
            db.commit(line(&db, 2)).await.expect("commits");
            db.defer_end(flow, line(&db, 3)).await.expect("writes");
            assert_eq!(written(&db).await, 3);
        })
        .await;
    }

    #[tokio::test]
    async fn a_step_that_was_told_of_waits_for_the_disk_only_where_it_wrote_something() {
        let (db, _dir) = db().await;
        let (flow, work) = (Uuid::random(), Deferred::default());
        let settle = async || db.settle().await.expect("settles");
        work.scope(async {
            db.defer_insert(flow, 2, line(&db, 1)).await.expect("defers");
            db.commit(line(&db, 2)).await.expect("commits");
            Deferred::in_step(Some((flow, 0)), settle()).await;
            assert!(db.is_flushed(), "it is told, and not yet on the disk");

            db.commit(line(&db, 3)).await.expect("commits");
            Deferred::in_step(Some((flow, 2)), settle()).await;
            assert!(!db.is_flushed(), "it was told with the first");
            let writes = async {
                db.commit(line(&db, 4)).await.expect("commits");
                settle().await;
            };
            Deferred::in_step(Some((flow, 2)), writes).await;
            assert!(db.is_flushed(), "it wrote something");
            let writes_again = async {
                db.commit(line(&db, 44).redone_by_its_step()).await.expect("commits");
                settle().await;
            };
            Deferred::in_step(Some((flow, 2)), writes_again).await;
            assert!(!db.is_flushed(), "what it would write again");

            db.commit(line(&db, 5)).await.expect("commits");
            Deferred::in_step(Some((Uuid::random(), 1)), settle()).await;
            assert!(db.is_flushed(), "another flow");
            db.commit(line(&db, 6)).await.expect("commits");
            Deferred::in_step(Some((flow, 3)), settle()).await;
            assert!(db.is_flushed(), "beyond what is told");

            let part = async {
                db.defer_insert(Uuid::random(), 0, line(&db, 7)).await.expect("defers");
                settle().await;
            };
            db.commit(line(&db, 8)).await.expect("commits");
            Deferred::in_step(Some((flow, 1)), part).await;
            assert!(db.is_flushed(), "a flow of its own began in it");
        })
        .await;
    }
}
