//! MariaDB by URL (MySQL 8 speaks the same and is not among the tests).
//!
//! Callers see what they see of the embedded database. What that takes, beyond another driver:
//!
//! - **Serialisable writes.** A batch holds no plain reads, and under REPEATABLE READ every read that a writing statement
//!   does (conditions, sub-queries) is a locking one that sees the last commit. So batches are as if one came after the
//!   other. READ COMMITTED would take fewer locks and lose that.
//! - **Exactly once.** A connection that dies while a COMMIT is under way leaves it in doubt: [`commit`] settles it.
//! - **Patience.** A deadlock's loser, a full server and a server that restarts are tried again, here and not by callers;
//!   when patience ends the error is [`DbError::Unavailable`]. No call waits for ever: each try has a deadline, so that
//!   a server that hangs without closing its connections is no exception.
//! - **Reads that wait for no writer.** Writers can queue for the lock of one row; reads have connections of their own.
//! - **Found rows.** An UPDATE answers how many rows it matched, not how many it changed: the driver asks for that when it
//!   connects, and a test holds it to it.
//! - **Equal texts.** Tables have a binary collation that does not pad, so `a`, `A` and `a ` are three texts, as in SQLite.
//!
//! Group commit is the server's: InnoDB makes concurrent transactions durable with one flush.

mod commit;
pub(super) mod fence;
mod patience;
mod slots;

use std::{
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cumulo_schema::{Cell, Uuid};
use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlPool, Row,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions},
    pool::PoolConnection,
};

use self::{
    fence::Fence,
    patience::{Patience, Trouble},
    slots::Slots,
};
use super::{Batch, DbError, backend::Outcome, row::DbRow};

/// Prepared statements kept a connection. The server keeps 16,382 for everybody (`max_prepared_stmt_count`).
const STATEMENTS: usize = 128;
/// Longest wait for a connection where patience is longer, after which the try counts as failed.
const ACQUIRE: Duration = Duration::from_secs(5);
/// A connection idle for longer is asked whether it lives before it is used.
const IDLE: Duration = Duration::from_secs(1);
/// Binary collations that do not pad: MariaDB's, and MySQL's.
const COLLATIONS: &str = "SELECT collation_name FROM information_schema.collations \
     WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')";
/// What every session is told. Locks are waited for briefly, since the wait is repeated here with a rollback in between;
/// `lock_wait_timeout` is for tables (a migration beside running nodes), whose default is a day. A node that is paused within a
/// transaction loses it, and with it the locks that keep the others from going on without it (`MariaDB` only).
const SESSION: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,\
     PIPES_AS_CONCAT,ANSI_QUOTES', innodb_lock_wait_timeout = 5, lock_wait_timeout = 60 \
     /*M!100300 , idle_transaction_timeout = 5 */";
const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

pub(super) use slots::{SWEEP as SWEEP_SLOTS, TABLE as SLOTS};

type Query<'q> = sqlx::query::Query<'q, sqlx::MySql, sqlx::mysql::MySqlArguments>;

/// How a server is used.
#[derive(Debug, Clone, Copy)]
pub struct MySqlOptions {
    /// Connections at most, half of them for reads. The server's own limit is 151 unless told otherwise.
    pub connections: u32,
    /// How long a server that does not answer is tried again before the call fails; also the longest that one try at
    /// anything may take, so a call takes at most twice that.
    pub patience: Duration,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self { connections: 32, patience: Duration::from_secs(30) }
    }
}

/// A server.
#[derive(Debug)]
pub(super) struct MySql {
    readers: MySqlPool,
    writers: MySqlPool,
    slots: Slots,
    fence: RwLock<Option<Fence>>,
    patience: Duration,
    collation: String,
    /// The longest statement that the server takes, in bytes.
    longest: u64,
}

impl MySql {
    pub(super) async fn connect(url: &str, options: MySqlOptions) -> Result<Self, DbError> {
        let server = MySqlConnectOptions::from_str(url)
            .map_err(|cause| DbError::mysql("read its URL (mysql://user:password@host/database)", cause))?
            .charset("utf8mb4")
            .statement_cache_capacity(STATEMENTS);
        let half = (options.connections / 2).max(1);
        let pool = || pool_options(half, options.patience.min(ACQUIRE)).connect_lazy_with(server.clone());
        let (readers, writers) = (pool(), pool());
        let mut patience = Patience::of(options.patience);
        let (collation, longest) = loop {
            match ask_about(&readers).await {
                Ok(answer) => break answer,
                Err(trouble) => patience.wait_after(trouble, "be reached at the configured URL").await?,
            }
        };
        let collation = collation.ok_or_else(|| DbError::Unmet {
            what: "the database server has no binary collation without padding; it must be MariaDB 10.6 or newer"
                .to_owned(),
        })?;
        Ok(Self {
            readers,
            writers,
            slots: Slots::default(),
            fence: RwLock::default(),
            patience: options.patience,
            collation,
            longest,
        })
    }

    pub(super) fn fence(&self, node: Uuid, incarnation: Uuid) {
        let fence = Fence { node, incarnation };
        *self.fence.write().unwrap_or_else(PoisonError::into_inner) = Some(fence);
    }

    /// The collation of our tables.
    pub(super) fn collation(&self) -> &str {
        &self.collation
    }

    pub(super) async fn fetch(&self, sql: &str, args: &[Cell]) -> Result<Vec<DbRow>, DbError> {
        self.fits(sql, args, "read")?;
        let mut patience = Patience::of(self.patience);
        loop {
            match self.fetch_once(sql, args).await {
                Ok(rows) => return Ok(rows),
                Err(trouble) => patience.wait_after(trouble, "read").await?,
            }
        }
    }

    async fn fetch_once(&self, sql: &str, args: &[Cell]) -> Result<Vec<DbRow>, Trouble> {
        let mut connection = self.readers.acquire().await.map_err(|cause| Trouble::of("read", cause))?;
        let read = bound(sql.to_owned(), args).fetch_all(&mut *connection);
        let trouble = match tokio::time::timeout(self.patience, read).await {
            Ok(Ok(rows)) => return Ok(rows.into_iter().map(DbRow::MySql).collect()),
            Ok(Err(cause)) => Trouble::of("read", cause),
            Err(_) => Trouble::silent("read"),
        };
        if trouble.is_lost() {
            connection.close_on_drop();
        }
        Err(trouble)
    }

    /// Commits `before` and `batch` in one transaction; a refused `batch` leaves `before` in. Gives up on a server that
    /// does not answer when patience ends; not so where giving up would leave open what must be known: `surely`, and
    /// where there is a `before`, of which the caller is to know whether it is still to be written.
    pub(super) async fn commit(self: &Arc<Self>, before: Option<Batch>, batch: Batch, surely: bool) -> Outcome {
        let patience = if surely || before.is_some() { Patience::endless() } else { Patience::of(self.patience) };
        commit::apart(self, before, batch, patience).await
    }

    /// Waits until the server answers.
    pub(super) async fn ready(&self) -> Result<(), DbError> {
        let mut patience = Patience::endless();
        loop {
            match self.fetch_once("SELECT 1", &[]).await {
                Ok(_) => return Ok(()),
                Err(trouble) => patience.wait_after(trouble, "answer").await?,
            }
        }
    }

    /// A connection of one's own, for what is no batch.
    pub(super) async fn connection(&self) -> Result<PoolConnection<sqlx::MySql>, DbError> {
        let mut patience = Patience::of(self.patience);
        loop {
            match self.writers.acquire().await {
                Ok(connection) => return Ok(connection),
                Err(cause) => patience.wait_after(Trouble::of("connect", cause), "connect").await?,
            }
        }
    }

    /// Refuses what the server would answer with a cut connection.
    fn fits(&self, sql: &str, args: &[Cell], what: &str) -> Result<(), DbError> {
        let length = |cell: &Cell| if let Cell::Text(text) = cell { text.len() } else { 8 };
        let bytes = args.iter().map(length).sum::<usize>() + sql.len() + 1024;
        if u64::try_from(bytes).is_ok_and(|bytes| bytes < self.longest) {
            return Ok(());
        }
        let limit =
            format!("{bytes} bytes are more than the server's max_allowed_packet, {}; raise that", self.longest);
        let cause = std::io::Error::new(std::io::ErrorKind::InvalidInput, limit);
        Err(DbError::Failed { what: what.to_owned(), cause: Arc::new(cause) })
    }

    pub(super) async fn close(&self) {
        self.slots.forget(&self.writers).await;
        tokio::join!(self.readers.close(), self.writers.close());
    }
}

fn pool_options(connections: u32, acquire: Duration) -> MySqlPoolOptions {
    MySqlPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(acquire)
        // Connections are tested when they are given back; here only those that had time to die.
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                if state.idle_for > IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                connection.execute(ISOLATION).await.map(drop)
            })
        })
}

async fn ask_about(pool: &MySqlPool) -> Result<(Option<String>, u64), Trouble> {
    let failed = |cause| Trouble::of("be reached at the configured URL", cause);
    let mut connection = pool.acquire().await.map_err(failed)?;
    let row = sqlx::query(COLLATIONS).fetch_optional(&mut *connection).await.map_err(failed)?;
    let collation = row.map(|row| row.try_get(0)).transpose().map_err(failed)?;
    let row = sqlx::query("SELECT @@max_allowed_packet").fetch_one(&mut *connection).await.map_err(failed)?;
    Ok((collation, row.try_get(0).map_err(failed)?))
}

/// Runs a statement and answers how many rows it matched.
async fn execute(
    connection: &mut MySqlConnection,
    what: &str,
    sql: impl Into<String>,
    args: &[Cell],
) -> Result<u64, Trouble> {
    let done = bound(sql.into(), args).execute(connection).await.map_err(|cause| Trouble::of(what, cause))?;
    Ok(done.rows_affected())
}

pub(super) fn bound(sql: String, args: &[Cell]) -> Query<'_> {
    args.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, cell| match cell {
        Cell::Null => query.bind(None::<String>),
        Cell::Int(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.as_str()),
    })
}
