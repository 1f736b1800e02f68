//! A database of its own for each test: a file in a temporary directory, or, where `CUMULO_TEST_DATABASE` names a MariaDB
//! server (`mysql://root@127.0.0.1:3306`), one made there and dropped afterwards.
//!
//! `scripts/test` runs everything that depends on this crate twice, once on each. A test says nothing about which it is
//! on; it opens its database as often as it likes, as a node does that restarts.
//!
//! Also servers of one's own to be spoiled: [`Server`], [`Broker`]; and a [`Vhost`] of the broker that all tests share.

mod broker;
mod server;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use cumulo_kernel::db::{Db, MySqlOptions};
use cumulo_schema::Uuid;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use tempfile::TempDir;

pub use broker::{Broker, Vhost};
pub use server::Server;

/// Names the server.
const VARIABLE: &str = "CUMULO_TEST_DATABASE";
/// Connections of one node under test: many tests run at once.
const OPTIONS: MySqlOptions = MySqlOptions { connections: 8, patience: Duration::from_secs(30) };

/// Longest wait for a database's removal.
const REMOVAL: Duration = Duration::from_secs(30);

/// A directory for a test's files, and its database.
#[derive(Debug)]
pub struct TestDatabase {
    dir: TempDir,
    on_server: Option<OnServer>,
}

#[derive(Debug)]
struct OnServer {
    server: String,
    name: String,
}

impl TestDatabase {
    /// A new, empty one.
    ///
    /// # Panics
    /// When there is no room for it, or the server that the environment names does not answer.
    pub async fn new() -> Self {
        match std::env::var(VARIABLE) {
            Ok(server) => Self::on(&server).await,
            Err(_) => Self { dir: tempfile::tempdir().expect("a temporary directory"), on_server: None },
        }
    }

    /// A new, empty one on the server at `server`.
    ///
    /// # Panics
    /// When that does not answer.
    pub async fn on(server: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let name = format!("cumulo_test_{}", Uuid::random());
        let mut connection = MySqlConnection::connect(server)
            .await
            .unwrap_or_else(|error| panic!("the test database server at {server} does not answer: {error}"));
        let create = format!("CREATE DATABASE `{name}`");
        connection.execute(AssertSqlSafe(create)).await.expect("the server makes databases");
        Self { dir, on_server: Some(OnServer { server: server.trim_end_matches('/').to_owned(), name }) }
    }

    /// Where the test's files are; they go with the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Its URL, unless it is embedded.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.on_server.as_ref().map(|on| format!("{}/{}", on.server, on.name))
    }

    /// Whether `text` stands anywhere in the test's files and database. Close the handles on an embedded one first.
    ///
    /// # Panics
    /// When something is unreadable.
    pub async fn contains(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.path()).expect("a directory").map(|file| file.expect("an entry").path());
        let in_file = |path: PathBuf| {
            let bytes = std::fs::read(path).expect("readable");
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        if files.filter(|path| path.is_file()).any(in_file) {
            return true;
        }
        let Some(url) = self.url() else { return false };
        let mut connection = MySqlConnection::connect(&url).await.expect("the server answers");
        let columns = "SELECT table_name, column_name FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND character_set_name IS NOT NULL";
        let columns: Vec<(String, String)> =
            sqlx::query_as(columns).fetch_all(&mut connection).await.expect("the server describes its tables");
        assert!(!columns.is_empty(), "the database has tables");
        for (table, column) in columns {
            let sql = format!("SELECT COUNT(*) FROM `{table}` WHERE INSTR(`{column}`, ?) > 0");
            let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(text)
                .fetch_one(&mut connection)
                .await
                .expect("the table is readable");
            if found > 0 {
                return true;
            }
        }
        false
    }

    /// Opens it; once more after it was closed, or beside another handle as another node does.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(&self) -> Db {
        let opened = match self.url() {
            Some(url) => Db::mysql(&url, OPTIONS).await,
            None => Db::sqlite(&self.path().join("cumulo.db")).await,
        };
        opened.expect("the test's database opens")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(OnServer { server, name }) = self.on_server.take() else { return };
        // Not in the test's runtime, which this thread may be the only one of.
        let dropped = std::thread::spawn(move || -> Result<(), sqlx::Error> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            // A test that failed may leave the server hanging.
            runtime
                .block_on(async { tokio::time::timeout(REMOVAL, remove(&server, &name)).await })
                .map_err(|_| sqlx::Error::Protocol("the server does not answer".to_owned()))?
        });
        match dropped.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("a test's database stays on the server: {error}"),
            Err(_) => eprintln!("a test's database stays on the server"),
        }
    }
}

/// Drops the database, ending whatever a test left connected to it.
async fn remove(server: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = MySqlConnection::connect(server).await?;
    connection.execute("SET SESSION lock_wait_timeout = 1").await?;
    let mut tries = 0;
    loop {
        let users = "SELECT id FROM information_schema.processlist WHERE db = ?";
        let users: Vec<i64> = sqlx::query_scalar(users).bind(name).fetch_all(&mut connection).await?;
        for user in users {
            // Those that ended meanwhile need no end.
            let _ = connection.execute(AssertSqlSafe(format!("KILL {user}"))).await;
        }
        tries += 1;
        match connection.execute(AssertSqlSafe(format!("DROP DATABASE `{name}`"))).await {
            Err(_) if tries < 5 => {}
            outcome => return outcome.map(drop),
        }
    }
}
