//! The two backends behind one handle.

use std::{path::Path, sync::Arc};

use cumulo_schema::{Cell, Column, FieldType, Resource};
use sea_query::QueryStatementWriter;
use sqlx::MySqlPool;

use super::{Batch, DbError, Deferred, Dialect, Select, mysql, row::DbRow, sqlite::Sqlite};
use crate::plan::Planning;

/// The rows that each statement of a batch touched.
pub(super) type Answer = Result<Vec<u64>, DbError>;

/// A handle on the database; clones share it.
#[derive(Debug, Clone)]
pub struct Db {
    backend: Arc<Backend>,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Sqlite),
    MySql(MySqlPool),
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
        Ok(Self { backend: Arc::new(Backend::Sqlite(opened?)) })
    }

    /// Connects to MariaDB or MySQL: `mysql://user:password@host/database`.
    ///
    /// # Errors
    /// When nobody answers there or the login is refused.
    pub async fn mysql(url: &str) -> Result<Self, DbError> {
        Ok(Self { backend: Arc::new(Backend::MySql(mysql::connect(url).await?)) })
    }

    /// The dialect to build statements for.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &*self.backend {
            Backend::Sqlite(_) => Dialect::Sqlite,
            Backend::MySql(_) => Dialect::MySql,
        }
    }

    /// An empty batch of writes.
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch::new(self.dialect())
    }

    /// Commits a batch: durable when this returns. Answers the rows each statement touched.
    ///
    /// # Errors
    /// [`DbError::Conflict`], [`DbError::Unmet`] and [`DbError::Reference`] mean that nothing was written.
    pub async fn commit(&self, batch: Batch) -> Result<Vec<u64>, DbError> {
        if let Some(planning) = Planning::current() {
            planning.note_batch(self, batch).await?;
            return Err(planning.stop_write());
        }
        match Deferred::current() {
            Some(deferred) => deferred.commit(self, batch).await,
            None => self.commit_alone(None, batch).await.1,
        }
    }

    /// Commits `before`, then `batch`, each whole or not at all, where possible at the price of one; `batch` only if
    /// `before` is in. Answers how each went.
    pub(super) async fn commit_alone(&self, before: Option<Batch>, batch: Batch) -> (Result<(), DbError>, Answer) {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.commit(before, batch).await,
            Backend::MySql(pool) => mysql::commit_after(pool, before, &batch).await,
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
    pub async fn fetch_sql(&self, sql: String, args: Vec<Cell>) -> Result<Vec<DbRow>, DbError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.fetch(sql, args).await,
            Backend::MySql(pool) => mysql::fetch(pool, sql, &args).await,
        }
    }

    /// Runs a read that an index answers with a few rows; the embedded database does so in the caller's thread.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn fetch_few(&self, query: &impl QueryStatementWriter) -> Result<Vec<DbRow>, DbError> {
        let (sql, args) = self.dialect().build(query);
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.fetch_here(&sql, &args),
            Backend::MySql(pool) => mysql::fetch(pool, sql, &args).await,
        }
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
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::MySql(pool) => pool.close().await,
        }
    }
}
