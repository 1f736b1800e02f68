//! Reads. In WAL mode they see the last commit and wait for nobody.
//!
//! Nearly all of them are answered off an index in microseconds, which handing them to another thread and waking the caller
//! again would multiply. So every read begins in the caller's thread, on the connection that writes if that is free
//! ([`Pen::lend`]), and one that turns out to be long begins anew in a thread that may block.

use std::{
    ffi::c_int,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

use super::{bind, connect, writer::Pen};
use crate::db::{
    DbError, Read,
    row::{Columns, DbRow},
};

/// Long reads at once: more would only share the processors.
const APART: usize = 4;
/// Instructions of SQLite's machine in a read that is not long, at least; it takes some 50 ns for one.
const SHORT: c_int = 10_000;
/// Values of a read that is long: it looks up so many rows at least.
const MANY: usize = 256;
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
    pen: Arc<Pen>,
    /// What no read uses just now; `None` when the database is closed.
    idle: Mutex<Option<Vec<Connection>>>,
    apart: Semaphore,
}

impl Readers {
    pub(super) fn open(path: &Path, pen: Arc<Pen>) -> rusqlite::Result<Self> {
        let first = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let idle = Mutex::new(Some(vec![first]));
        let shared = Shared { path: path.to_owned(), pen, idle, apart: Semaphore::new(APART) };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Reads.
    pub(super) async fn read(&self, read: Read) -> Result<Vec<DbRow>, DbError> {
        if read.args.len() >= MANY {
            return self.apart(read).await?.map_err(|cause| DbError::sqlite("read", cause));
        }
        let lent = self.shared.pen.lend(|connection| {
            // What only looks like a read is for a connection that cannot write.
            read.changes_nothing(connection).then(|| {
                let rows = limit(connection, true).and_then(|()| read.run(connection));
                limit(connection, false).and(rows)
            })
        });
        let rows = match lent.flatten().map_or_else(|| self.here(&read, true), Ok)? {
            Err(cause) if cause.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                self.apart(read).await?
            }
            rows => rows,
        };
        rows.map_err(|cause| DbError::sqlite("read", cause))
    }

    /// Reads in the caller's thread; gives up with [`ErrorCode::OperationInterrupted`] when it has to be short and is not.
    fn here(&self, read: &Read, short: bool) -> Result<rusqlite::Result<Vec<DbRow>>, DbError> {
        let mut connection = self.take()?;
        let rows = limit(&mut connection, short).and_then(|()| read.run(&connection));
        self.give_back(connection);
        Ok(rows)
    }

    /// Reads in a thread that may block.
    async fn apart(&self, read: Read) -> Result<rusqlite::Result<Vec<DbRow>>, DbError> {
        let permit = self.shared.apart.acquire().await.map_err(|_| DbError::Closed)?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || readers.here(&read, false)).await;
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

fn limit(connection: &mut Connection, short: bool) -> rusqlite::Result<()> {
    if !short {
        return connection.progress_handler(0, None::<fn() -> bool>);
    }
    // What a kept statement has done in all its runs counts, so the first time may come at once.
    let mut is_long = false;
    connection.progress_handler(SHORT, Some(move || std::mem::replace(&mut is_long, true)))
}

impl Read {
    pub(in crate::db) fn changes_nothing(&self, connection: &Connection) -> bool {
        connection.prepare_cached(&self.sql).is_ok_and(|statement| statement.readonly())
    }

    pub(in crate::db) fn run(&self, connection: &Connection) -> rusqlite::Result<Vec<DbRow>> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        let columns = match self.fields {
            Some(fields) => Columns::Declared(fields),
            None => Columns::Named(statement.column_names().map(str::to_owned).collect()),
        };
        let width = statement.column_count();
        bind(&mut statement, &self.args)?;
        let mut rows = statement.raw_query();
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..width).map(|index| row.get(index)).collect::<rusqlite::Result<_>>()?;
            read.push(DbRow::Sqlite { columns: columns.clone(), values });
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Sqlite, *};

    /// Counts up to `last`.
    fn count(last: u32) -> String {
        format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {last}) SELECT count(*) FROM n"
        )
    }

    fn counted(rows: &[DbRow]) -> i64 {
        let [DbRow::Sqlite { values, .. }] = rows else { panic!("one row: {rows:?}") };
        let [rusqlite::types::Value::Integer(count)] = values[..] else { panic!("one number: {values:?}") };
        count
    }

    #[tokio::test]
    async fn a_short_read_waits_for_nobody_and_a_long_one_holds_up_nobody() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = Sqlite::open(&dir.path().join("db")).expect("opens");
        let read = |sql: String| database.fetch(sql.into(), vec![]);
        for _ in 0..1_000 {
            let mut short = std::pin::pin!(read(count(20)));
            let rows = match futures::poll!(&mut short) {
                std::task::Poll::Ready(rows) => rows.expect("reads"),
                std::task::Poll::Pending => panic!("a short read was handed over"),
            };
            assert_eq!(counted(&rows), 20);
        }
        let mut long = std::pin::pin!(read(count(500_000)));
        assert!(futures::poll!(&mut long).is_pending(), "a long read stayed in this thread");
        assert_eq!(counted(&long.await.expect("reads")), 500_000);
        database.close().await;
    }

    #[tokio::test]
    async fn a_read_writes_nothing_though_the_connection_could() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = Sqlite::open(&dir.path().join("db")).expect("opens");
        let read = |sql: &'static str| database.fetch(sql.into(), vec![]);
        read("CREATE TABLE t (n)").await.expect_err("it is refused");
        assert!(read("SELECT * FROM sqlite_master").await.expect("reads").is_empty());
        database.close().await;
    }
}
