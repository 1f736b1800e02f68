//! What a power failure leaves: the database's file, and of the log at least what was flushed.

use std::path::{Path, PathBuf};

use cumulo_schema::{Cell, FieldKind, Uuid};

use super::{Batch, Db, DbRow, Deferred, Migration};

const TABLE: Migration = Migration { name: "1", sql: "CREATE TABLE line (n INTEGER NOT NULL PRIMARY KEY)" };

fn line(db: &Db, n: i64) -> Batch {
    let mut query = sea_query::Query::insert();
    query.into_table("line").columns(["n"]).values_panic([sea_query::Expr::val(n)]);
    let mut batch = db.batch();
    batch.push(&query, format!("insert {n}"), None);
    batch
}

async fn lines(db: &Db) -> Vec<i64> {
    let rows = db.fetch_sql("SELECT n FROM line ORDER BY n".to_owned(), vec![]).await.expect("reads");
    let number = |row: &DbRow| match row.at(0, FieldKind::Long) {
        Ok(Cell::Int(number)) => number,
        other => panic!("no number but {other:?}"),
    };
    rows.iter().map(number).collect()
}

fn log_of(db: &Path) -> PathBuf {
    let mut log = db.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// The database as it is after a power failure that left `log` bytes of the log.
async fn after(dir: &Path, original: &Path, log: usize) -> Vec<i64> {
    let copy = dir.join(format!("after-{log}"));
    std::fs::copy(original, &copy).expect("copies");
    let bytes = std::fs::read(log_of(original)).expect("a log");
    std::fs::write(log_of(&copy), &bytes[..log]).expect("copies");
    let db = Db::sqlite(&copy).await.expect("opens");
    let lines = lines(&db).await;
    db.close().await;
    lines
}

#[tokio::test]
async fn a_power_failure_takes_the_newest_commits_and_none_that_was_settled() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("db");
    let db = Db::sqlite(&path).await.expect("opens");
    db.migrate(&[TABLE]).await.expect("migrates");
    db.commit(line(&db, 0)).await.expect("commits");
    let length = || usize::try_from(std::fs::metadata(log_of(&path)).expect("a log").len()).expect("short");

    let work = Deferred::default();
    let (settled, written) = work
        .scope(async {
            for n in 1..=5 {
                db.commit(line(&db, n)).await.expect("commits");
            }
            assert!(!db.is_flushed(), "nobody waits for the disk");
            db.defer_update(Uuid::random(), 0, line(&db, 6)).await.expect("defers");
            db.settle().await.expect("settles");
            assert!(db.is_flushed(), "the journal took everything before it along");
            db.commit(line(&db, 7)).await.expect("commits");
            db.settle().await.expect("settles");
            assert!(db.is_flushed(), "also without a journal");
            let settled = length();
            for n in 8..=12 {
                db.commit(line(&db, n)).await.expect("commits");
            }
            (settled, length())
        })
        .await;
    assert_eq!(lines(&db).await, (0..=12).collect::<Vec<_>>(), "everybody sees them");

    let mut seen = 7;
    for log in (settled..=written).step_by(512) {
        let left = after(dir.path(), &path, log).await;
        let last = *left.last().expect("what was settled");
        assert_eq!(left, (0..=last).collect::<Vec<_>>(), "none of the middle is missing");
        assert!(last >= seen, "more of the log says no less");
        seen = last;
    }
    assert_eq!(after(dir.path(), &path, written).await.len(), 13, "the whole log");

    work.last_commit_follows();
    work.scope(async { db.commit(line(&db, 13)).await }).await.expect("commits");
    assert!(db.is_flushed(), "the end of the work is durable");
    db.commit(line(&db, 14)).await.expect("commits");
    assert!(db.is_flushed(), "and so is what belongs to none");
    db.close().await;
}

#[tokio::test]
async fn the_log_moves_into_the_file_while_it_is_written_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("db");
    let db = Db::sqlite(&path).await.expect("opens");
    let wide = "CREATE TABLE line (n INTEGER NOT NULL PRIMARY KEY, text TEXT)";
    db.migrate(&[Migration { name: "1", sql: wide }]).await.expect("migrates");
    let work = Deferred::default();
    // 64 MiB of rows: twice what the log may hold before the writer moves it itself.
    for n in 0..1_000 {
        let mut query = sea_query::Query::insert();
        query
            .into_table("line")
            .columns(["n", "text"])
            .values_panic([sea_query::Expr::val(n), sea_query::Expr::val("x".repeat(64 << 10))]);
        let mut batch = db.batch();
        batch.push(&query, format!("insert {n}"), None);
        work.scope(db.commit(batch)).await.expect("commits");
    }
    let log = std::fs::metadata(log_of(&path)).expect("a log").len();
    assert!(log < 48 << 20, "the log has {log} bytes");
    assert_eq!(lines(&db).await.len(), 1_000);
    db.close().await;
    let db = Db::sqlite(&path).await.expect("opens again");
    assert_eq!(lines(&db).await.len(), 1_000);
    db.close().await;
}
