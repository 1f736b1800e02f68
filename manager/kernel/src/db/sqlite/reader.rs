//! Reads. In WAL mode they see the last commit and wait for nobody.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use cumulo_schema::Cell;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::{bind, connect};
use crate::db::{DbError, row::DbRow};

/// Reads of unknown length at once: more would only share the processors.
const APART: usize = 4;
/// Connections kept open for the next read.
const KEPT: usize = 8;

/// Connections that read.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// What no read uses just now; `None` when the database is closed.
    idle: Mutex<Option<Vec<Connection>>>,
    apart: Semaphore,
}

impl Readers {
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let first = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let idle = Mutex::new(Some(vec![first]));
        let shared = Shared { path: path.to_owned(), idle, apart: Semaphore::new(APART) };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Reads in the caller's thread: for what an index answers in microseconds, which a hand-over would double.
    pub(super) fn here(&self, sql: &str, args: &[Cell]) -> Result<Vec<DbRow>, DbError> {
        let connection = self.take()?;
        let rows = read(&connection, sql, args).map_err(|cause| DbError::sqlite("read", cause));
        self.give_back(connection);
        rows
    }

    /// Reads in a thread that may block.
    pub(super) async fn apart(&self, sql: String, args: Vec<Cell>) -> Result<Vec<DbRow>, DbError> {
        let permit = self.shared.apart.acquire().await.map_err(|_| DbError::Closed)?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || readers.here(&sql, &args)).await;
        drop(permit);
        // A read that panicked or was cut off by the end of the runtime.
        read.map_err(|cause| DbError::Failed { what: "read".to_owned(), cause: Arc::new(cause) })?
    }

    pub(super) fn close(&self) {
        self.shared.apart.close();
        self.lock().take();
    }

    fn take(&self) -> Result<Connection, DbError> {
        if let Some(connection) = self.lock().as_mut().ok_or(DbError::Closed)?.pop() {
            return Ok(connection);
        }
        connect(&self.shared.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|cause| DbError::sqlite("open", cause))
    }

    fn give_back(&self, connection: Connection) {
        if let Some(idle) = self.lock().as_mut()
            && idle.len() < KEPT
        {
            idle.push(connection);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<Connection>>> {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(connection: &Connection, sql: &str, args: &[Cell]) -> rusqlite::Result<Vec<DbRow>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    bind(&mut statement, args)?;
    let mut rows = statement.raw_query();
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns.len()).map(|index| row.get(index)).collect::<rusqlite::Result<_>>()?;
        read.push(DbRow::Sqlite { columns: columns.clone(), values });
    }
    Ok(read)
}
