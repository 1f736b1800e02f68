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
//! The work is an API call or a background flow, with everything it calls on this node: the deferred writes travel with
//! the call context.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use cumulo_schema::Uuid;
use tokio::sync::Mutex;

use super::{Batch, Db, DbError, backend::How};

tokio::task_local! {
    static DEFERRED: Option<Deferred>;
}

/// The deferred writes of one piece of work; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deferred {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    writes: Arc<Mutex<Vec<Write>>>,
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

    /// Runs `work` with those of the current task, also where it becomes another task.
    pub(crate) fn inherited<F: Future>(work: F) -> impl Future<Output = F::Output> {
        DEFERRED.scope(Self::current(), work)
    }

    /// To be said before the commit that ends the work: what is deferred after it has to be written by who defers it.
    pub(crate) fn last_commit_follows(&self) {
        self.shared.last_commit_passed.store(true, Ordering::SeqCst);
    }

    async fn insert(&self, about: Uuid, batch: Batch) {
        self.shared.writes.lock().await.push(Write { about, insert: Some(batch), update: None });
    }

    async fn update(&self, about: Uuid, batch: Batch) {
        let mut writes = self.shared.writes.lock().await;
        match writes.iter_mut().find(|write| write.about == about) {
            Some(write) => write.update = Some(batch),
            None => writes.push(Write { about, insert: None, update: Some(batch) }),
        }
    }

    /// Commits `batch` after what waits. What waited stays waiting when it could not be written. What cannot be done at once
    /// is done in a task of its own: a caller that goes away would otherwise leave written what seems to wait.
    pub(super) async fn commit(&self, db: &Db, batch: Batch, surely: bool) -> Result<Vec<u64>, DbError> {
        let how = How { durable: self.shared.last_commit_passed.load(Ordering::SeqCst), surely };
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
        let mut writes = self.shared.writes.clone().lock_owned().await;
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
    /// Writes the first row `about` a subject with the next commit of the current work; at once where there is none.
    pub(crate) async fn defer_insert(&self, about: Uuid, batch: Batch) -> Result<(), DbError> {
        match Deferred::current() {
            Some(deferred) => {
                deferred.insert(about, batch).await;
                Ok(())
            }
            None => self.commit(batch).await.map(drop),
        }
    }

    /// As [`Db::defer_insert`], for an update that covers every earlier one `about` the same subject.
    pub(crate) async fn defer_update(&self, about: Uuid, batch: Batch) -> Result<(), DbError> {
        match Deferred::current() {
            Some(deferred) => {
                deferred.update(about, batch).await;
                Ok(())
            }
            None => self.commit(batch).await.map(drop),
        }
    }

    /// As [`Db::defer_update`], for the last one: written with the commit that ends the current work, where that is
    /// still to come.
    pub(crate) async fn defer_end(&self, about: Uuid, batch: Batch) -> Result<(), DbError> {
        self.defer_update(about, batch).await?;
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

    /// Drops what was deferred about a subject, as the death of the process would.
    pub(crate) async fn forget_deferred(&self, about: Uuid) {
        if let Some(deferred) = Deferred::current() {
            deferred.shared.writes.lock().await.retain(|write| write.about != about);
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
            db.defer_insert(flow, line(&db, 1)).await.expect("defers");
            db.defer_update(flow, line(&db, 2)).await.expect("defers");
            db.defer_update(flow, line(&db, 3)).await.expect("defers");
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
            db.defer_update(flow, line(&db, 1)).await.expect("defers");
            assert!(matches!(db.commit(line(&db, 9)).await, Err(DbError::Conflict { .. })));
            assert_eq!(written(&db).await, 2, "the journal stands, the refused batch does not");

            db.defer_update(flow, line(&db, 9)).await.expect("defers");
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
}
