//! A database server that is brought along: for simulations, where time and the network are made up.
//!
//! A node sees what it sees of MariaDB: others share it, a commit has to travel there, the answer back, and the lease of this
//! node is asked for in each transaction. What lies between a node and the rows is the [`Server`]'s: delays, cuts, patience.
//! The rows themselves are a [`Store`], which is one for all nodes and knows nothing of networks.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use async_trait::async_trait;
use cumulo_schema::{Cell, FieldMeta, Uuid};
use rusqlite::Connection;

use super::{
    Batch, DbError, Outcome,
    mysql::fence::Fence,
    row::DbRow,
    sqlite::{self, transact},
};

/// A read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Its text.
    pub sql: Arc<str>,
    /// A value for each `?`.
    pub args: Vec<Cell>,
    /// Says that the columns are those of a declaration, in its order.
    pub fields: Option<&'static [FieldMeta]>,
}

/// What a node wants committed.
#[derive(Debug, Clone)]
pub struct Commit {
    /// What has to be in first.
    before: Option<Batch>,
    batch: Batch,
    /// The life of the node whose lease has to be there.
    fence: Option<Fence>,
    /// That it waits for a server that is away, however long: it may not be left open whether it is in.
    pub surely: bool,
}

impl Commit {
    /// Texts and values of everything in it, for who records what happens.
    pub fn statements(&self) -> impl Iterator<Item = (&str, &[Cell])> {
        let batches = self.before.iter().chain([&self.batch]);
        batches.flat_map(|batch| &batch.statements).map(|statement| (&*statement.sql, &*statement.args))
    }
}

/// A database server as one node reaches it.
#[async_trait]
pub trait Server: Debug + Send + Sync + 'static {
    /// Has it committed, once, and answers how that went; [`DbError::Unavailable`] leaves open whether it was. A caller that
    /// goes away leaves it whole.
    async fn commit(&self, commit: Commit) -> Outcome;

    /// Reads.
    ///
    /// # Errors
    /// When the server refuses, or is away for too long.
    async fn fetch(&self, read: Read) -> Result<Vec<DbRow>, DbError>;

    /// Waits while the server is away.
    ///
    /// # Errors
    /// [`DbError::Closed`] when this node's way there is closed meanwhile.
    async fn ready(&self) -> Result<(), DbError>;

    /// Lets go of it.
    async fn close(&self);
}

/// The rows of a simulated server, in memory. Whatever is asked of it is done at once, in the caller's thread.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// An empty one.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> Result<Self, DbError> {
        Ok(Self { connection: Mutex::new(sqlite::in_memory()?) })
    }

    /// Commits, unless the node of `commit` was given up.
    pub fn commit(&self, commit: &Commit) -> Outcome {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fence) = commit.fence {
            let sql = format!("SELECT 1 WHERE {}", Fence::CONDITION);
            let read = Read { sql: sql.into(), args: fence.args().to_vec(), fields: None };
            let refused = match read.run(&connection) {
                Ok(rows) if rows.is_empty() => Some(DbError::Fenced),
                Ok(_) => None,
                Err(cause) => Some(DbError::sqlite("read the lease", cause)),
            };
            if let Some(error) = refused {
                return (Err(error.clone()), Err(error));
            }
        }
        transact(&connection, commit.before.as_ref(), &commit.batch)
    }

    /// Reads.
    ///
    /// # Errors
    /// When the text is none that can be read, or changes something.
    pub fn fetch(&self, read: &Read) -> Result<Vec<DbRow>, DbError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if !read.changes_nothing(&connection) {
            return Err(DbError::Unmet { what: "a read would change something, or cannot be read".to_owned() });
        }
        read.run(&connection).map_err(|cause| DbError::sqlite("read", cause))
    }
}

/// The handle on a [`Server`].
#[derive(Debug)]
pub(super) struct Far {
    server: Arc<dyn Server>,
    fence: RwLock<Option<Fence>>,
}

impl Far {
    pub(super) fn new(server: Arc<dyn Server>) -> Self {
        Self { server, fence: RwLock::default() }
    }

    pub(super) fn server(&self) -> &dyn Server {
        &*self.server
    }

    pub(super) fn fence(&self, node: Uuid, incarnation: Uuid) {
        *self.fence.write().unwrap_or_else(PoisonError::into_inner) = Some(Fence { node, incarnation });
    }

    /// As over MariaDB, what has a `before` is sure: the caller is to know whether that is still to be written.
    pub(super) async fn commit(&self, before: Option<Batch>, batch: Batch, surely: bool) -> Outcome {
        let fence = match batch.unfenced {
            true => None,
            // Of now: a batch that waits for the server does not become one of the node's next life.
            false => *self.fence.read().unwrap_or_else(PoisonError::into_inner),
        };
        let surely = surely || before.is_some();
        self.server.commit(Commit { before, batch, fence, surely }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::Db,
        membership::{NodeLease, TABLES},
    };
    use cumulo_schema::{Resource, Timestamp};

    /// As near as can be.
    #[derive(Debug)]
    struct Near(Store);

    #[async_trait]
    impl Server for Near {
        async fn commit(&self, commit: Commit) -> Outcome {
            self.0.commit(&commit)
        }

        async fn fetch(&self, read: Read) -> Result<Vec<DbRow>, DbError> {
            self.0.fetch(&read)
        }

        async fn ready(&self) -> Result<(), DbError> {
            Ok(())
        }

        async fn close(&self) {}
    }

    fn lease(node: Uuid) -> NodeLease {
        let join_date = Timestamp::now();
        let (incarnation, host_name) = (Uuid::random(), "here".to_owned());
        NodeLease { node_uuid: node, incarnation, host_name, lease_until: 0, adopted: 1, drained: 1, join_date }
    }

    async fn count(db: &Db) -> usize {
        db.select::<NodeLease>().all().await.expect("reads").len()
    }

    #[tokio::test]
    async fn a_node_that_was_given_up_writes_nothing_more() {
        let db = Db::at(Arc::new(Near(Store::new().expect("opens"))));
        db.migrate(&[TABLES]).await.expect("migrates");
        let mine = lease(Uuid::random());
        let mut batch = db.batch();
        batch.insert(&mine);
        db.commit(batch).await.expect("nobody is fenced yet");
        db.fence(mine.node_uuid, mine.incarnation);
        let mut batch = db.batch();
        batch.insert(&lease(Uuid::random()));
        db.commit(batch).await.expect("it has its lease");
        let mut batch = db.batch().unfenced();
        batch.delete::<NodeLease>().eq(NodeLease::NODE_UUID, &mine.node_uuid).any();
        db.commit(batch).await.expect("given up");
        let mut batch = db.batch();
        batch.insert(&lease(Uuid::random()));
        assert!(matches!(db.commit(batch).await, Err(DbError::Fenced)));
        assert_eq!(count(&db).await, 1);
    }

    #[tokio::test]
    async fn a_batch_is_in_whole_or_not_at_all_and_a_read_changes_nothing() {
        let db = Db::at(Arc::new(Near(Store::new().expect("opens"))));
        db.migrate(&[TABLES]).await.expect("migrates");
        let one = lease(Uuid::random());
        let mut batch = db.batch();
        batch.insert(&one).insert(&one);
        assert!(matches!(db.commit(batch).await, Err(DbError::Conflict { .. })));
        let deleting = format!("DELETE FROM {}", NodeLease::META.table);
        db.fetch_sql(deleting, vec![]).await.expect_err("it is refused");
        assert_eq!(count(&db).await, 0);
    }
}
