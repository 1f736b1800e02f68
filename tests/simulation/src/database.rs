//! The database server: one store of rows, and a way to it for each node.
//!
//! A request is on its way, is answered at once when it arrives, and the answer is on its way back. What arrived has its effect
//! even where its sender is dead or was given up, if the transaction itself does not refuse it. A commit whose answer was lost
//! is asked for again by its number, as the commit slots of MariaDB have it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cumulo_chaos::Passage;
use cumulo_kernel::db::{Commit, DbError, DbRow, Outcome, Read, Server, Store};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::outside::{Outside, Way};

/// How long a node tries: shorter than the longest cut, so that there is waiting and giving up.
const PATIENCE: Duration = Duration::from_secs(8);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// The server.
#[derive(Debug)]
pub struct Database {
    store: Store,
    /// What came of commits, by their numbers.
    done: Mutex<HashMap<u64, Outcome>>,
    numbers: AtomicU64,
    outside: Arc<Outside>,
}

impl Database {
    /// An empty one.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(outside: Arc<Outside>) -> Result<Self, DbError> {
        Ok(Self { store: Store::new()?, done: Mutex::default(), numbers: AtomicU64::new(0), outside })
    }

    /// Commits `number`, unless it is in already.
    fn commit(&self, from: &str, number: u64, commit: &Commit) -> Outcome {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = done.get(&number) {
            return outcome.clone();
        }
        let outcome = self.store.commit(commit);
        let went = match &outcome {
            (_, Ok(touched)) => format!("{touched:?}"),
            (_, Err(error)) => format!("refused: {error}"),
        };
        self.outside.trace.note(format_args!("{from} commits {number}: {went}"));
        for (sql, args) in commit.statements() {
            self.outside.trace.note(format_args!("  {sql} {args:?}"));
        }
        // What was refused changed nothing, and may be tried again.
        if outcome.1.is_ok() || outcome.0.is_ok() {
            done.insert(number, outcome.clone());
        }
        outcome
    }
}

/// A node's connections to it.
#[derive(Debug, Clone)]
pub struct Client {
    name: String,
    database: Arc<Database>,
    way: Way,
    closed: CancellationToken,
}

impl Client {
    /// Those of the node called `name`.
    #[must_use]
    pub fn new(name: String, database: Arc<Database>, way: Way) -> Self {
        Self { name, database, way, closed: CancellationToken::new() }
    }

    /// Has `work` done by the server; `None` where nothing was heard of it.
    async fn ask<T: Send + 'static>(&self, work: impl FnOnce(&Database) -> T + Send + 'static) -> Option<T> {
        let (answer, heard) = oneshot::channel();
        let (way, database) = (self.way.clone(), self.database.clone());
        let (there, back) = (database.outside.delay(), database.outside.delay());
        self.database.outside.spawn(async move {
            if way.travel(there).await.is_ok() {
                let done = work(&database);
                if way.travel(back).await.is_ok() {
                    // Who asked may be gone.
                    let _ = answer.send(done);
                }
            }
        });
        timeout(PATIENCE, heard).await.ok()?.ok()
    }

    /// Waits before the next try.
    async fn wait(&self, since: Instant, what: &str, surely: bool) -> Result<(), DbError> {
        if !surely && since.elapsed() + PAUSE > PATIENCE {
            let cause = Arc::new(std::io::Error::from(std::io::ErrorKind::TimedOut));
            return Err(DbError::Unavailable { what: what.to_owned(), seconds: since.elapsed().as_secs(), cause });
        }
        tokio::select! {
            () = self.closed.cancelled() => Err(DbError::Closed),
            () = sleep(PAUSE) => Ok(()),
        }
    }

    async fn commit_patiently(self, commit: Commit) -> Outcome {
        let number = self.database.numbers.fetch_add(1, Ordering::SeqCst);
        let (since, surely) = (Instant::now(), commit.surely);
        loop {
            if self.closed.is_cancelled() {
                return (Err(DbError::Closed), Err(DbError::Closed));
            }
            let (from, asked) = (self.name.clone(), commit.clone());
            if let Some(outcome) = self.ask(move |database| database.commit(&from, number, &asked)).await {
                return outcome;
            }
            if let Err(error) = self.wait(since, "commit", surely).await {
                return (Err(error.clone()), Err(error));
            }
        }
    }
}

#[async_trait]
impl Server for Client {
    async fn commit(&self, commit: Commit) -> Outcome {
        let apart = tokio::spawn(self.clone().commit_patiently(commit));
        apart.await.unwrap_or_else(|cause| {
            let error = DbError::Failed { what: "commit".to_owned(), cause: Arc::new(cause) };
            (Err(error.clone()), Err(error))
        })
    }

    async fn fetch(&self, read: Read) -> Result<Vec<DbRow>, DbError> {
        let since = Instant::now();
        loop {
            if self.closed.is_cancelled() {
                return Err(DbError::Closed);
            }
            let asked = read.clone();
            if let Some(rows) = self.ask(move |database| database.store.fetch(&asked)).await {
                return rows;
            }
            self.wait(since, "read", false).await?;
        }
    }

    async fn ready(&self) -> Result<(), DbError> {
        tokio::select! {
            () = self.closed.cancelled() => Err(DbError::Closed),
            () = self.way.until(|passage| passage == Passage::Open) => Ok(()),
        }
    }

    async fn close(&self) {
        self.closed.cancel();
    }
}
