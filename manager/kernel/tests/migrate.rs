//! Migrations: once, in order, by one node at a time, and beside nodes of another version only as far as that goes.

mod common;

use std::sync::Arc;

use common::{CHAINS, Wall, setup_of};
use cumulo_kernel::db::{Db, Migration, MigrationPlan, Version};
use cumulo_schema::{Cell, FieldKind, Uuid};
use cumulo_testdb::TestDatabase;

const ONE: Migration = Migration { name: "1_one", sql: "CREATE TABLE a (x BIGINT);\nCREATE TABLE b (x BIGINT);\n" };
const TWO: Migration = Migration { name: "2_two", sql: "CREATE TABLE c (x BIGINT);\n" };
const TAKES_AWAY: Migration = Migration { name: "3_less", sql: "-- contracts\nDROP TABLE c;\n" };

const V1: Version = Version::new(1, 1, 4);
const V2: Version = Version::new(1, 2, 0);
const V3: Version = Version::new(1, 3, 0);

fn names(plan: &MigrationPlan) -> Vec<&str> {
    plan.pending.iter().map(|pending| pending.name).collect()
}

async fn number(db: &Db, sql: &str) -> i64 {
    let rows = db.fetch_sql(sql.to_owned(), vec![]).await.expect("readable");
    match rows[0].at(0, FieldKind::Long).expect("a number") {
        Cell::Int(number) => number,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_is_applied_once_in_order_and_a_changed_one_is_refused() {
    let database = TestDatabase::new().await;
    let db = database.open().await;
    let plan = db.migration_plan(&[TWO, ONE]).await.expect("planned");
    assert!(plan.fresh);
    assert_eq!(names(&plan), ["1_one", "2_two"]);
    assert_eq!(plan.pending[0].statements.len(), 2);
    db.migrate(&[TWO, ONE]).await.expect("migrated");
    db.migrate(&[ONE, TWO]).await.expect("nothing to do");
    let plan = db.migration_plan(&[TWO, ONE]).await.expect("planned");
    assert!(plan.pending.is_empty() && !plan.fresh);
    assert_eq!(number(&db, "SELECT COUNT(*) FROM c").await, 0);
    let changed = Migration { name: "1_one", sql: "CREATE TABLE a (y BIGINT);\n" };
    assert!(db.migrate(&[changed, TWO]).await.expect_err("changed").to_string().contains("1_one"));
    let same_name = Migration { name: "2_two", ..ONE };
    assert!(db.migrate(&[TWO, same_name]).await.expect_err("ambiguous").to_string().contains("one name"));
}

#[tokio::test]
async fn an_older_program_works_beside_the_next_minor_version_and_no_further() {
    let database = TestDatabase::new().await;
    let db = database.open().await;
    db.migrate_as(V1, &[ONE]).await.expect("migrated");
    db.migrate_as(V2, &[ONE, TWO]).await.expect("upgraded");
    // The older node starts again beside the newer one.
    db.migrate_as(V1, &[ONE]).await.expect("one minor version is no distance");
    let four = Migration { name: "4_more", sql: "CREATE TABLE d (x BIGINT);\n" };
    db.migrate_as(V3, &[ONE, TWO, four]).await.expect("upgraded");
    db.migrate_as(V2, &[ONE, TWO]).await.expect("one minor version is no distance");
    let refused = db.migrate_as(V1, &[ONE]).await.expect_err("two are").to_string();
    for part in ["1.3.0", "4_more", "1.2.0 or newer", "this is 1.1.4", "restore the backup"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[tokio::test]
async fn what_takes_something_away_leaves_no_older_program_beside_it() {
    let database = TestDatabase::new().await;
    let db = database.open().await;
    db.migrate_as(V1, &[ONE, TWO]).await.expect("migrated");
    let plan = db.migration_plan(&[ONE, TWO, TAKES_AWAY]).await.expect("planned");
    assert!(plan.pending[0].contracts);
    db.migrate_as(V2, &[ONE, TWO, TAKES_AWAY]).await.expect("upgraded");
    let refused = db.migrate_as(V1, &[ONE, TWO]).await.expect_err("it would look for the table").to_string();
    assert!(refused.contains("3_less") && refused.contains("1.2.0 or newer"), "{refused}");
    db.migrate_as(Version::new(1, 2, 7), &[ONE, TWO]).await.expect("a program without that plugin, as new");
}

#[tokio::test]
async fn a_record_of_the_first_layout_is_brought_up() {
    let database = TestDatabase::new().await;
    let db = database.open().await;
    let back = "ALTER TABLE schema_migration DROP COLUMN version;\nALTER TABLE schema_migration DROP COLUMN oldest;\n";
    let back = Migration { name: "0_back", sql: back };
    db.migrate(&[back]).await.expect("taken back");
    db.migrate(&[back, ONE]).await.expect("brought up and migrated");
    assert_eq!(number(&db, "SELECT COUNT(*) FROM schema_migration WHERE oldest = '0.1.0'").await, 1);
}

#[tokio::test]
async fn an_embedded_database_is_copied_before_it_is_upgraded() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::sqlite(&dir.path().join("cumulo.db")).await.expect("opens");
    let fill = Migration { name: "2_fill", sql: "INSERT INTO a (x) VALUES (7);\n" };
    db.migrate(&[ONE]).await.expect("migrated");
    let backup = dir.path().join("backup");
    assert!(!backup.exists(), "a new database is not worth a copy");
    db.migrate(&[ONE, fill]).await.expect("migrated");
    let copies = || -> Vec<_> {
        let files = std::fs::read_dir(&backup).expect("a directory").map(|entry| entry.expect("an entry").path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "db")).collect()
    };
    let made = copies();
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].to_string_lossy().ends_with("-before-2_fill.db"), "{made:?}");
    let copy = Db::sqlite(&made[0]).await.expect("opens");
    assert_eq!(number(&copy, "SELECT COUNT(*) FROM a").await, 0);
    assert_eq!(number(&db, "SELECT COUNT(*) FROM a").await, 1);
    db.migrate(&[ONE, fill]).await.expect("nothing to do");
    assert_eq!(copies(), made, "nothing done, nothing copied");
}

/// The embedded database has one node; a server has many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_migrate_once() {
    let database = Arc::new(TestDatabase::new().await);
    let nodes = if database.url().is_some() { 4 } else { 1 };
    let starts = (0..nodes).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let setup = setup_of(Uuid::random(), &database, &Arc::new(Wall::default())).await;
            let migrations = setup.all_migrations().len();
            (setup.start(CHAINS).await.expect("starts"), migrations)
        })
    });
    let started = futures::future::join_all(starts.collect::<Vec<_>>()).await;
    let started: Vec<_> = started.into_iter().map(|node| node.expect("no panic")).collect();
    let db = started[0].0.db();
    let applied = number(db, "SELECT COUNT(*) FROM schema_migration").await;
    assert_eq!(usize::try_from(applied), Ok(started[0].1));
    assert_eq!(number(db, "SELECT COUNT(*) FROM schema_migration WHERE done IS NOT NULL").await, 0);
    for (kernel, _) in &started {
        kernel.stop().await;
    }
}

/// MariaDB commits each statement of a migration by itself, so one can be cut off in the middle. The embedded database
/// applies it whole or not at all.
#[tokio::test]
async fn a_migration_that_was_cut_off_goes_on_where_it_stood() {
    let database = TestDatabase::new().await;
    if database.url().is_none() {
        let db = database.open().await;
        let broken = Migration { name: "1_one", sql: "CREATE TABLE a (x BIGINT);\nCREATE TABLE a (x BIGINT);\n" };
        db.migrate(&[broken]).await.expect_err("the table exists");
        db.migrate(&[ONE]).await.expect("nothing of the other was left");
        return;
    }
    let db = database.open().await;
    // The first statement is recorded, the second was done and is not.
    let cut_off = Migration { name: "2_cut", sql: "UPDATE schema_migration SET done = 1 WHERE name = '1_one';\n" };
    db.migrate(&[ONE, cut_off]).await.expect("cut off");
    let plan = db.migration_plan(&[ONE, cut_off]).await.expect("planned");
    assert_eq!(names(&plan), ["1_one"]);
    db.migrate(&[ONE, cut_off]).await.expect("goes on");
    assert!(db.migration_plan(&[ONE, cut_off]).await.expect("planned").pending.is_empty());
    // The second is not done either.
    let back = "DROP TABLE b;\nUPDATE schema_migration SET done = 1 WHERE name = '1_one';\n";
    let back = Migration { name: "3_back", sql: back };
    db.migrate(&[ONE, cut_off, back]).await.expect("cut off");
    db.migrate(&[ONE, cut_off, back]).await.expect("goes on");
    assert_eq!(number(&db, "SELECT COUNT(*) FROM b").await, 0);
    // What stands before the place in doubt is not done again, and an error there is one.
    let broken = Migration { name: "4_broken", sql: "CREATE TABLE e (x BIGINT);\nCREATE TABLE e (x BIGINT);\n" };
    db.migrate(&[ONE, cut_off, back, broken]).await.expect_err("the table exists");
}
