//! The two backends behind one handle.

use std::{path::Path, sync::Arc, time::Duration};

use cumulo_schema::{Cell, Column, FieldType, Resource};
use sea_query::QueryStatementWriter;
use sqlx::{
    AssertSqlSafe, Connection, MySqlConnection, MySqlPool, SqliteConnection, SqlitePool,
    mysql::MySqlPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

use super::{Batch, DbError, Dialect, Select, row::DbRow, statement::Statement, writer};

/// Readers of the embedded database: it is in the page cache, so a few serve many callers.
const READERS: u32 = 4;
/// Waiting batches before callers wait for room.
const WRITER_BACKLOG: usize = 4096;
/// MariaDB answers 1213 or 1205 to the loser of a deadlock and expects it to try again.
const DEADLOCK_TRIES: u32 = 8;

/// A query of either driver with its cells bound. A macro, since the drivers share no type for it.
macro_rules! bound {
    ($sql:expr, $cells:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql));
        for cell in $cells {
            query = match cell {
                Cell::Null => query.bind(None::<String>),
                Cell::Int(number) => query.bind(*number),
                Cell::Text(text) => query.bind(text.as_str()),
            };
        }
        query
    }};
}

/// A handle on the database; clones share it.
#[derive(Debug, Clone)]
pub struct Db {
    backend: Arc<Backend>,
}

#[derive(Debug)]
enum Backend {
    Sqlite {
        readers: SqlitePool,
        // Both are taken when the database closes.
        jobs: std::sync::Mutex<Option<mpsc::Sender<writer::Job>>>,
        writer: Mutex<Option<JoinHandle<()>>>,
    },
    MySql(MySqlPool),
}

impl Db {
    /// Opens, and creates if needed, the embedded database at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database.
    pub async fn sqlite(path: &Path) -> Result<Self, DbError> {
        let failed = |cause| DbError::failed(format!("open {}", path.display()), cause);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(512);
        let connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(failed)?;
        let (jobs, waiting) = mpsc::channel(WRITER_BACKLOG);
        let writer = tokio::spawn(writer::run(connection, waiting));
        Ok(Self {
            backend: Arc::new(Backend::Sqlite {
                readers,
                jobs: std::sync::Mutex::new(Some(jobs)),
                writer: Mutex::new(Some(writer)),
            }),
        })
    }

    /// Connects to MariaDB or MySQL: `mysql://user:password@host/database`.
    ///
    /// # Errors
    /// When nobody answers there or the login is refused.
    pub async fn mysql(url: &str) -> Result<Self, DbError> {
        let pool = MySqlPoolOptions::new()
            .max_connections(32)
            .connect(url)
            .await
            .map_err(|cause| DbError::failed("be reached at the configured URL", cause))?;
        Ok(Self { backend: Arc::new(Backend::MySql(pool)) })
    }

    /// The dialect to build statements for.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &*self.backend {
            Backend::Sqlite { .. } => Dialect::Sqlite,
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
        match &*self.backend {
            Backend::Sqlite { jobs, .. } => {
                let jobs = jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
                let (answer, outcome) = oneshot::channel();
                jobs.ok_or(DbError::Closed)?.send(writer::Job { batch, answer }).await.map_err(|_| DbError::Closed)?;
                outcome.await.map_err(|_| DbError::Closed)?
            }
            Backend::MySql(pool) => commit_mysql(pool, &batch).await,
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
        let failed = |cause| DbError::failed("read", cause);
        match &*self.backend {
            Backend::Sqlite { readers, .. } => {
                let rows = bound!(sql, &args).fetch_all(readers).await.map_err(failed)?;
                Ok(rows.into_iter().map(DbRow::Sqlite).collect())
            }
            Backend::MySql(pool) => {
                let rows = bound!(sql, &args).fetch_all(pool).await.map_err(failed)?;
                Ok(rows.into_iter().map(DbRow::MySql).collect())
            }
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
            Backend::Sqlite { readers, jobs, writer } => {
                jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                readers.close().await;
                let writer = writer.lock().await.take();
                if let Some(writer) = writer
                    && let Err(error) = writer.await
                {
                    tracing::error!(%error, "the database writer ended badly");
                }
            }
            Backend::MySql(pool) => pool.close().await,
        }
    }
}

pub(super) async fn execute_sqlite(connection: &mut SqliteConnection, statement: &Statement) -> Result<u64, DbError> {
    let done = bound!(statement.sql.clone(), &statement.args)
        .execute(connection)
        .await
        .map_err(|cause| DbError::failed(&statement.what, cause))?;
    expected(statement, done.rows_affected())
}

async fn execute_mysql(connection: &mut MySqlConnection, statement: &Statement) -> Result<u64, DbError> {
    let done = bound!(statement.sql.clone(), &statement.args)
        .execute(connection)
        .await
        .map_err(|cause| DbError::failed(&statement.what, cause))?;
    expected(statement, done.rows_affected())
}

fn expected(statement: &Statement, touched: u64) -> Result<u64, DbError> {
    match &statement.expect {
        Some((rows, otherwise)) if *rows != touched => Err(DbError::Unmet { what: otherwise.clone() }),
        _ => Ok(touched),
    }
}

async fn commit_mysql(pool: &MySqlPool, batch: &Batch) -> Result<Vec<u64>, DbError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_mysql(pool, batch).await {
            Err(DbError::Failed { cause, .. }) if tries < DEADLOCK_TRIES && lost_deadlock(&cause) => {
                let pause = rand::random_range(1..=u64::from(tries) * 10);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn try_mysql(pool: &MySqlPool, batch: &Batch) -> Result<Vec<u64>, DbError> {
    let mut transaction = pool.begin().await.map_err(|cause| DbError::failed("begin", cause))?;
    let mut touched = Vec::with_capacity(batch.statements.len());
    for statement in &batch.statements {
        touched.push(execute_mysql(&mut transaction, statement).await?);
    }
    transaction.commit().await.map_err(|cause| DbError::failed("commit", cause))?;
    Ok(touched)
}

fn lost_deadlock(cause: &sqlx::Error) -> bool {
    let number = cause
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number);
    matches!(number, Some(1205 | 1213))
}
