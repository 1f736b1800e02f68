//! The two backends behind one handle.

use std::{path::Path, sync::Arc, time::Instant};

use cumulo_schema::{Cell, Column, FieldType, Resource, ResourceMeta, Uuid};
use prometheus::{Histogram, HistogramOpts};
use sea_query::QueryStatementWriter;

use super::{
    Batch, DbError, Deferred, Dialect, MySqlOptions, Select,
    far::{Far, Read, Server},
    mysql::MySql,
    row::DbRow,
    sqlite::Sqlite,
};
use crate::plan::Planning;

/// The rows that each statement of a batch touched.
pub type Answer = Result<Vec<u64>, DbError>;
/// Whether what had to be in first is in, and how the batch itself went.
pub type Outcome = (Result<(), DbError>, Answer);

/// How a commit is to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Durable when it is answered, and not only seen by everybody.
    pub(super) durable: bool,
    /// Waits for a server that is away, however long.
    pub(super) surely: bool,
}

/// A handle on the database; clones share it.
#[derive(Debug, Clone)]
pub struct Db {
    backend: Backend,
    commits: Histogram,
}

#[derive(Debug, Clone)]
pub(super) enum Backend {
    Sqlite(Arc<Sqlite>),
    MySql(Arc<MySql>),
    Far(Arc<Far>),
}

impl Db {
    /// Opens, and creates if needed, the embedded database at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database.
    pub async fn sqlite(path: &Path) -> Result<Self, DbError> {
        let path = path.to_owned();
        // Opening may recover what a crash left in the log, which takes as long as it takes.
        let opened = tokio::task::spawn_blocking(move || Sqlite::open(&path)).await;
        let opened =
            opened.map_err(|cause| DbError::Failed { what: "be opened".to_owned(), cause: Arc::new(cause) })?;
        Ok(Self::of(Backend::Sqlite(Arc::new(opened?))))
    }

    /// Connects to MariaDB: `mysql://user:password@host/database`. Waits for a server that is only starting.
    ///
    /// # Errors
    /// When nobody answers there in time, or the login is refused.
    pub async fn mysql(url: &str, options: MySqlOptions) -> Result<Self, DbError> {
        Ok(Self::of(Backend::MySql(Arc::new(MySql::connect(url, options).await?))))
    }

    /// One that `server` keeps, as a node among others sees it.
    #[must_use]
    pub fn at(server: Arc<dyn Server>) -> Self {
        Self::of(Backend::Far(Arc::new(Far::new(server))))
    }

    /// # Panics
    /// Never: the name is a constant that every test builds.
    fn of(backend: Backend) -> Self {
        let opts =
            HistogramOpts::new("cumulo_database_commit_seconds", "How long it took until batches were committed");
        let opts = opts.buckets(vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5]);
        let commits = Histogram::with_opts(opts).expect("a well-formed name");
        Self { backend, commits }
    }

    /// How many batches were committed, and how long that took.
    pub(crate) fn commits(&self) -> &Histogram {
        &self.commits
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The dialect to build statements for.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &self.backend {
            Backend::Sqlite(_) | Backend::Far(_) => Dialect::Sqlite,
            Backend::MySql(_) => Dialect::MySql,
        }
    }

    /// An empty batch of writes.
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch::new(self.dialect())
    }

    /// Commits a batch. When this returns everybody sees it, and it is durable, except for work that makes it so by itself
    /// before anything follows from it: see [`Db::settle`]. Answers the rows each statement touched.
    ///
    /// # Errors
    /// [`DbError::Conflict`], [`DbError::Unmet`] and [`DbError::Reference`] mean that nothing was written.
    /// [`DbError::Unavailable`] leaves open whether it was.
    pub async fn commit(&self, batch: Batch) -> Result<Vec<u64>, DbError> {
        self.commit_or_plan(batch, false).await
    }

    /// As [`Db::commit`], for what must not be left open whatever it takes: while the server is away this waits, until it
    /// is back or this node's database is closed.
    ///
    /// # Errors
    /// As there, never [`DbError::Unavailable`].
    pub async fn commit_surely(&self, batch: Batch) -> Result<Vec<u64>, DbError> {
        self.commit_or_plan(batch, true).await
    }

    async fn commit_or_plan(&self, batch: Batch, surely: bool) -> Result<Vec<u64>, DbError> {
        if let Some(planning) = Planning::current() {
            planning.note_batch(self, batch).await?;
            return Err(planning.stop_write());
        }
        match Deferred::current() {
            Some(deferred) => deferred.commit(self, batch, surely).await,
            None => self.commit_alone(None, batch, How { durable: true, surely }).await.1,
        }
    }

    /// Commits `before`, then `batch`, each whole or not at all, where possible at the price of one; `batch` only if
    /// `before` is in. Answers how each went. With `before` it is as sure as `surely`.
    pub(super) async fn commit_alone(&self, before: Option<Batch>, batch: Batch, how: How) -> Outcome {
        let _timer = self.commits.start_timer();
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.commit(before, batch, how.durable).await,
            Backend::MySql(server) => Box::pin(server.commit(before, batch, how.surely)).await,
            Backend::Far(far) => far.commit(before, batch, how.surely).await,
        }
    }

    /// Applies `before` and `batch` as [`Db::commit_alone`] does, but at once, in the caller's thread, where that is soon done;
    /// whoever asked sees to its durability.
    pub(super) fn apply_here(&self, before: Option<&Batch>, batch: &Batch) -> Option<Outcome> {
        let Backend::Sqlite(sqlite) = &self.backend else { return None };
        let begun = Instant::now();
        let applied = sqlite.apply_here(before, batch);
        if applied.is_some() {
            self.commits.observe(begun.elapsed().as_secs_f64());
        }
        applied
    }

    /// Returns when what was committed before the call is durable.
    pub(super) async fn flush(&self) -> Result<(), DbError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.flush().await,
            // A server has it on its disk before it answers.
            Backend::MySql(_) | Backend::Far(_) => Ok(()),
        }
    }

    #[cfg(test)]
    pub(super) fn is_flushed(&self) -> bool {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.is_flushed(),
            Backend::MySql(_) | Backend::Far(_) => true,
        }
    }

    /// From now on every batch is refused ([`DbError::Fenced`]) when the life `incarnation` of `node` has no lease any more,
    /// in the transaction itself. So what a node does that was given up by the others while it was paused, or while its
    /// batch waited for the server, has no effect. An embedded database has one node, and nobody to give it up.
    pub fn fence(&self, node: Uuid, incarnation: Uuid) {
        match &self.backend {
            Backend::Sqlite(_) => {}
            Backend::MySql(server) => server.fence(node, incarnation),
            Backend::Far(far) => far.fence(node, incarnation),
        }
    }

    /// Waits while the server is away; otherwise returns at once.
    ///
    /// # Errors
    /// [`DbError::Closed`] when this node's database is closed meanwhile.
    pub async fn ready(&self) -> Result<(), DbError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::MySql(server) => server.ready().await,
            Backend::Far(far) => far.server().ready().await,
        }
    }

    /// Runs a read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fetch(&self, query: &impl QueryStatementWriter) -> Result<Vec<DbRow>, DbError> {
        let (sql, args) = self.dialect().build(query);
        self.fetch_sql(sql, args).await
    }

    /// Runs a read given as text and bound values.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fetch_sql(&self, sql: impl Into<Arc<str>>, args: Vec<Cell>) -> Result<Vec<DbRow>, DbError> {
        let sql = note(sql.into());
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.fetch(sql, args).await,
            // In a box, as below: what a driver of a protocol keeps is large, and would be moved with each caller of this.
            Backend::MySql(server) => Box::pin(server.fetch(&sql, &args)).await,
            Backend::Far(far) => far.server().fetch(Read { sql, args, fields: None }).await,
        }
    }

    /// Runs a read of the table of `meta` alone, of all columns of that declaration in its order.
    pub(super) async fn fetch_declared(
        &self,
        sql: Arc<str>,
        args: Vec<Cell>,
        meta: &'static ResourceMeta,
    ) -> Result<Arc<[DbRow]>, DbError> {
        let sql = note(sql);
        let rows = match &self.backend {
            Backend::Sqlite(sqlite) => return sqlite.fetch_declared(sql, args, meta.table, meta.fields).await,
            Backend::MySql(server) => Box::pin(server.fetch(&sql, &args)).await,
            Backend::Far(far) => far.server().fetch(Read { sql, args, fields: Some(meta.fields) }).await,
        };
        rows.map(Arc::from)
    }

    /// A read of rows of `R`.
    pub fn select<R: Resource>(&self) -> Select<'_, R> {
        Select::new(self)
    }

    /// The row of `R` whose `column` equals `value`, if any.
    ///
    /// # Errors
    /// When the database fails or the row is unreadable.
    pub async fn find<R: Resource, T: FieldType>(&self, column: Column<R>, value: &T) -> Result<Option<R>, DbError> {
        self.select::<R>().eq(column, value).first().await
    }

    /// Commits what is waiting and lets go of the files. Later calls fail with [`DbError::Closed`].
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::MySql(server) => server.close().await,
            Backend::Far(far) => far.server().close().await,
        }
    }
}

/// Shows a read to who looks for them; its values are bound, so this shows none.
fn note(sql: Arc<str>) -> Arc<str> {
    tracing::trace!(sql = %sql, "reads");
    sql
}
