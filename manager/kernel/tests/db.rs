//! Batches: together or not at all, also when many are committed at once.

mod common;

use common::{Book, Shelf, kernel};
use cumulo_kernel::db::DbError;
use cumulo_schema::{Timestamp, Uuid};

fn shelf(name: &str) -> Shelf {
    let now = Timestamp(1_700_000_000_000);
    Shelf {
        uuid: Uuid::random(),
        name: name.into(),
        height: 200,
        open: true,
        note: None,
        secret: None,
        create_date: now,
        last_op_date: now,
    }
}

#[tokio::test]
async fn a_row_reads_back_as_it_was_written() {
    let (kernel, _, _database) = kernel().await;
    let written = Shelf { note: Some("«top»; DROP TABLE shelf; --'\"\n".into()), ..shelf("a") };
    let mut batch = kernel.db().batch();
    batch.insert(&written);
    kernel.db().commit(batch).await.expect("written");
    let read = kernel.db().find(Shelf::UUID, &written.uuid).await.expect("read");
    assert_eq!(read, Some(written));
}

#[tokio::test]
async fn a_batch_that_fails_anywhere_writes_nothing() {
    let (kernel, _, _database) = kernel().await;
    let (db, first) = (kernel.db(), shelf("first"));
    let mut batch = db.batch();
    batch.insert(&first);
    db.commit(batch).await.expect("written");

    let mut twice = db.batch();
    twice.insert(&shelf("second")).insert(&first);
    assert!(matches!(db.commit(twice).await, Err(DbError::Conflict { .. })));

    let mut orphan = db.batch();
    orphan.insert(&shelf("third"));
    orphan.insert(&Book { uuid: Uuid::random(), shelf_uuid: Uuid::random(), title: "t".into(), pages: 1 });
    assert!(matches!(db.commit(orphan).await, Err(DbError::Reference { .. })));

    let mut unmet = db.batch();
    unmet.insert(&shelf("fourth"));
    unmet.update::<Shelf>().set(Shelf::HEIGHT, &1).eq(Shelf::NAME, &"nobody".to_owned()).expect("no such shelf");
    match db.commit(unmet).await {
        Err(DbError::Unmet { what }) => assert_eq!(what, "no such shelf"),
        other => panic!("{other:?}"),
    }
    assert_eq!(db.select::<Shelf>().all().await.expect("read"), [first]);
}

#[tokio::test]
async fn many_at_once_commit_in_groups_and_fail_alone() {
    let (kernel, _, _database) = kernel().await;
    let db = kernel.db();
    let same = shelf("same");
    let commits = (0..300).map(|n| {
        let (db, row) = (db.clone(), if n % 3 == 0 { same.clone() } else { shelf("own") });
        tokio::spawn(async move {
            let mut batch = db.batch();
            batch.insert(&row);
            db.commit(batch).await
        })
    });
    let outcomes = futures::future::join_all(commits.collect::<Vec<_>>()).await;
    let failed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Err(DbError::Conflict { .. })))).count();
    assert_eq!(failed, 99, "all but one of the hundred that insert the same row");
    assert_eq!(db.select::<Shelf>().count().await.expect("read"), 201);
}

#[tokio::test]
async fn conditional_updates_never_overbook() {
    let (kernel, _, _database) = kernel().await;
    let (db, row) = (kernel.db(), Shelf { height: 10, ..shelf("capacity") });
    let mut batch = db.batch();
    batch.insert(&row);
    db.commit(batch).await.expect("written");
    let takes = (0..50).map(|_| {
        let (db, uuid) = (db.clone(), row.uuid);
        tokio::spawn(async move {
            let mut batch = db.batch();
            batch
                .update::<Shelf>()
                .add(Shelf::HEIGHT, -3)
                .eq(Shelf::UUID, &uuid)
                .at_least(Shelf::HEIGHT, 3)
                .expect("full");
            db.commit(batch).await.is_ok()
        })
    });
    let taken =
        futures::future::join_all(takes.collect::<Vec<_>>()).await.into_iter().filter(|t| matches!(t, Ok(true)));
    assert_eq!(taken.count(), 3);
    assert_eq!(db.find(Shelf::UUID, &row.uuid).await.expect("read").expect("there").height, 1);
}

#[tokio::test]
async fn a_closed_database_says_so() {
    let (kernel, _, _database) = kernel().await;
    kernel.stop().await;
    let db = kernel.db();
    let mut batch = db.batch();
    batch.insert(&shelf("late"));
    assert!(matches!(db.commit(batch.clone()).await, Err(DbError::Closed)));
    assert!(matches!(db.commit_surely(batch).await, Err(DbError::Closed)));
    assert!(matches!(db.select::<Shelf>().all().await, Err(DbError::Closed)));
}
