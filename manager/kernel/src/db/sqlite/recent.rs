//! What was read lately, of tables that nobody has written to since.
//!
//! A create of a VM reads some seventy times, and most of that hardly ever changes: the image, the networks and who serves
//! them, the storages of a cluster. SQLite answers each in some twenty microseconds, and a map in less than one.
//!
//! Every write of an embedded database passes one connection of one process, and SQLite tells which tables it changes, also
//! where a foreign key does. So a row that is kept is exactly what SQLite would answer: a table has a version, which is odd
//! from before a commit that changed the table until after it and another even one then. What was read under one even version
//! is answered under that alone. Another process, or another handle, that writes to the same file is not seen: there is none.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cumulo_schema::Cell;
use hashlink::LruCache;
use rusqlite::Connection;

use crate::db::{Statement, row::DbRow};

/// How long a table has to be left alone before something of it is kept: of one that is written to all the time nothing would
/// be found again.
const QUIET: Duration = Duration::from_millis(50);
/// Answers kept.
const KEPT: usize = 1_024;
/// Rows of an answer that is kept, at most.
const FEW: usize = 16;

/// Answers, and the tables that they are of.
#[derive(Debug)]
pub(super) struct Recent {
    opened: Instant,
    tables: RwLock<HashMap<Box<str>, Arc<Table>>>,
    answers: Mutex<LruCache<Question, Answer>>,
    /// The tables that the transaction which is open has changed.
    changed: Arc<Mutex<Vec<Box<str>>>>,
}

/// A read.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) sql: Arc<str>,
    pub(super) args: Vec<Cell>,
}

#[derive(Debug)]
struct Answer {
    version: u64,
    rows: Arc<[DbRow]>,
}

/// A table.
#[derive(Debug, Default)]
pub(super) struct Table {
    version: AtomicU64,
    /// When it was last written to, in milliseconds since the database was opened.
    written: AtomicU64,
}

impl Recent {
    /// Of the database to which `connection` alone writes.
    pub(super) fn of(connection: &mut Connection) -> rusqlite::Result<Self> {
        let changed = Arc::new(Mutex::new(Vec::<Box<str>>::new()));
        let seen = changed.clone();
        connection.update_hook(Some(move |_, _: &str, table: &str, _| {
            let mut seen = lock(&seen);
            if !seen.iter().rev().any(|known| **known == *table) {
                seen.push(table.into());
            }
        }))?;
        let answers = Mutex::new(LruCache::new(KEPT));
        Ok(Self { opened: Instant::now(), tables: RwLock::default(), answers, changed })
    }

    /// The table called `name`.
    pub(super) fn table(&self, name: &str) -> Arc<Table> {
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| {
            let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
            tables.entry(name.into()).or_default().clone()
        })
    }

    /// What was answered to `question` when its table had this `version`, if that is kept.
    pub(super) fn find(&self, question: &Question, version: u64) -> Option<Arc<[DbRow]>> {
        let mut answers = lock(&self.answers);
        answers.get(question).filter(|answer| answer.version == version).map(|answer| answer.rows.clone())
    }

    /// Whether it is worth it to keep something of `table`.
    pub(super) fn is_quiet(&self, table: &Table) -> bool {
        let idle = self.now().saturating_sub(table.written.load(Ordering::Relaxed));
        table.version.load(Ordering::Relaxed) == 0 || u128::from(idle) >= QUIET.as_millis()
    }

    /// Keeps that `question` was answered with `rows`, and asked when its table had this `version`.
    pub(super) fn keep(&self, question: Question, version: u64, rows: &Arc<[DbRow]>) {
        if rows.len() <= FEW {
            lock(&self.answers).insert(question, Answer { version, rows: rows.clone() });
        }
    }

    /// Says that a transaction begins.
    pub(super) fn begin(&self) {
        lock(&self.changed).clear();
    }

    /// Runs `commit`, which ends the transaction of these statements.
    pub(super) fn during<'s, T>(
        &self,
        mut statements: impl Iterator<Item = &'s Statement>,
        commit: impl FnOnce() -> T,
    ) -> T {
        let changed = std::mem::take(&mut *lock(&self.changed));
        let mut tables: Vec<_> = changed.iter().map(|name| self.table(name)).collect();
        // Where any table may have changed, none is heard of for the first time until that is over: it would be missed.
        let every = (!statements.all(|statement| is_told(&statement.sql)))
            .then(|| self.tables.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(every) = &every {
            tables = every.values().cloned().collect();
        }
        // Odd while it is open which of the two a read sees. One transaction ends at a time.
        for table in &tables {
            table.version.fetch_add(1, Ordering::SeqCst);
        }
        let committed = commit();
        let now = self.now();
        for table in &tables {
            table.written.store(now, Ordering::Relaxed);
            table.version.fetch_add(1, Ordering::SeqCst);
        }
        committed
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Table {
    /// Which version of it everybody sees; `None` while it is about to change.
    pub(super) fn version(&self) -> Option<u64> {
        Some(self.version.load(Ordering::SeqCst)).filter(|version| version.is_multiple_of(2))
    }
}

/// Whether SQLite tells of each row that `sql` changes: not of those of a table that is emptied, nor of the schema's
/// (<https://www.sqlite.org/c3ref/update_hook.html>).
fn is_told(sql: &str) -> bool {
    match sql.split_once(' ') {
        Some(("INSERT" | "UPDATE", _)) => true,
        Some(("DELETE", rest)) => rest.contains(" WHERE "),
        _ => false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use super::*;
    use crate::db::{Batch, Dialect, sqlite::Sqlite};

    async fn opened(dir: &tempfile::TempDir) -> Sqlite {
        let database = Sqlite::open(&dir.path().join("db")).expect("opens");
        for sql in [
            "CREATE TABLE shelf (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0)",
            "CREATE TABLE book (id INTEGER NOT NULL PRIMARY KEY, shelf INTEGER REFERENCES shelf (id) ON DELETE CASCADE)",
            "CREATE TABLE note (id INTEGER NOT NULL PRIMARY KEY)",
            "INSERT INTO shelf (id) VALUES (1), (2)",
            "INSERT INTO book (id, shelf) VALUES (1, 1), (2, 2)",
        ] {
            write(&database, sql).await;
        }
        tokio::time::sleep(QUIET).await;
        database
    }

    fn batch(sql: &[&str]) -> Batch {
        let mut batch = Batch::new(Dialect::Sqlite);
        batch.statements.extend(sql.iter().map(|sql| Statement {
            sql: (*sql).into(),
            args: vec![],
            what: (*sql).to_owned(),
            expect: None,
            target: None,
        }));
        batch
    }

    async fn write(database: &Sqlite, sql: &str) {
        database.commit(None, batch(&[sql]), false).await.1.expect("writes");
    }

    async fn read(database: &Sqlite, sql: &str, table: &'static str) -> Arc<[DbRow]> {
        database.fetch_declared(sql.into(), vec![], table, &[]).await.expect("reads")
    }

    async fn books(database: &Sqlite) -> Arc<[DbRow]> {
        read(database, "SELECT id FROM book", "book").await
    }

    async fn number(database: &Sqlite) -> i64 {
        let rows = read(database, "SELECT n FROM shelf WHERE id = 1", "shelf").await;
        let [DbRow::Sqlite { values, .. }] = &rows[..] else { panic!("one row: {rows:?}") };
        let [Value::Integer(number)] = values[..] else { panic!("one number: {values:?}") };
        number
    }

    #[tokio::test]
    async fn an_answer_is_kept_until_its_table_changes_and_no_longer() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = opened(&dir).await;
        let first = books(&database).await;
        write(&database, "INSERT INTO note (id) VALUES (1)").await;
        write(&database, "UPDATE book SET shelf = 2 WHERE id = 77").await;
        assert!(Arc::ptr_eq(&first, &books(&database).await), "nothing of it changed");

        for (change, left) in [
            ("INSERT INTO book (id, shelf) VALUES (3, 2)", 3),
            ("UPDATE book SET id = 4 WHERE id = 3", 3),
            // A foreign key takes a book along.
            ("DELETE FROM shelf WHERE id = 1", 2),
            ("DELETE FROM book WHERE id = 4", 1),
            // Nobody is told of the rows.
            ("DELETE FROM book", 0),
        ] {
            let before = books(&database).await;
            assert!(Arc::ptr_eq(&before, &books(&database).await), "it is kept before {change}");
            write(&database, change).await;
            assert_eq!(books(&database).await.len(), left, "{change}");
            tokio::time::sleep(QUIET).await;
        }

        let before = books(&database).await;
        let refused = batch(&["INSERT INTO book (id) VALUES (5)", "INSERT INTO book (id) VALUES (5)"]);
        database.commit(None, refused, false).await.1.expect_err("twice the same");
        assert_eq!(books(&database).await.len(), before.len(), "it was taken back");
        write(&database, "DROP TABLE book").await;
        database.fetch_declared("SELECT id FROM book".into(), vec![], "book", &[]).await.expect_err("it is gone");
        database.close().await;
    }

    #[tokio::test]
    async fn long_answers_and_those_of_busy_tables_are_not_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = opened(&dir).await;
        write(&database, "INSERT INTO book (id) VALUES (7)").await;
        let first = books(&database).await;
        assert!(!Arc::ptr_eq(&first, &books(&database).await), "somebody has just written to it");
        for id in 10..30 {
            write(&database, &format!("INSERT INTO book (id) VALUES ({id})")).await;
        }
        tokio::time::sleep(QUIET).await;
        let first = books(&database).await;
        assert!(!Arc::ptr_eq(&first, &books(&database).await), "it has {} rows", first.len());
        database.close().await;
    }

    #[test]
    fn a_table_that_is_first_read_while_any_may_change_is_read_after_that() {
        let mut connection = Connection::open_in_memory().expect("opens");
        let recent = Arc::new(Recent::of(&mut connection).expect("is told"));
        let (tell, told) = std::sync::mpsc::channel();
        let emptying = batch(&["DELETE FROM book"]);
        recent.during(emptying.statements.iter(), || {
            let recent = recent.clone();
            std::thread::spawn(move || tell.send(recent.table("book").version()));
            told.recv_timeout(QUIET).expect_err("it waits");
        });
        assert_eq!(told.recv().expect("it goes on"), Some(0));
    }

    /// Two tables that change together, read one after the other while that happens: whoever saw the change in the first does
    /// not miss it in the second, and whoever was told of it sees it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn nobody_sees_what_was_before_what_it_saw() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = Arc::new(opened(&dir).await);
        write(&database, "CREATE TABLE lamp (n INTEGER NOT NULL)").await;
        write(&database, "INSERT INTO lamp (n) VALUES (0)").await;
        let told = Arc::new(AtomicU64::new(0));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (database, told) = (database.clone(), told.clone());
                tokio::spawn(async move {
                    loop {
                        let at_least = i64::try_from(told.load(Ordering::SeqCst)).expect("few");
                        // Not what is kept, and then what may be.
                        let rows = database.fetch("SELECT n FROM lamp".into(), vec![]).await.expect("reads");
                        let [DbRow::Sqlite { values, .. }] = &rows[..] else { panic!("one row: {rows:?}") };
                        let [Value::Integer(lamp)] = values[..] else { panic!("one number: {values:?}") };
                        let shelf = number(&database).await;
                        assert!(at_least <= lamp && lamp <= shelf, "told {at_least}, then {lamp}, then {shelf}");
                        if at_least == 40 {
                            return;
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for n in 1..=40 {
            // So long that answers are kept again.
            tokio::time::sleep(QUIET + Duration::from_millis(10)).await;
            let both =
                [format!("UPDATE lamp SET n = {n} WHERE n < {n}"), format!("UPDATE shelf SET n = {n} WHERE id = 1")];
            database.commit(None, batch(&both.each_ref().map(String::as_str)), false).await.1.expect("writes");
            told.store(n, Ordering::SeqCst);
        }
        for reader in readers {
            reader.await.expect("no reader saw the past");
        }
        database.close().await;
    }
}
