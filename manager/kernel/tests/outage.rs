//! A MariaDB server that dies, hangs and comes back: every commit that was answered is there once, and no call hangs.
//!
//! These tests start a server of their own, whatever the others run on.

mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{CHAINS, PutUp, Shelf, Wall, eventually, setup_of};
use cumulo_kernel::{
    Kernel,
    db::{Db, DbError, MySqlOptions},
    flow::FlowRow,
};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};
use cumulo_testdb::{Server, TestDatabase};

fn shelf(height: i32) -> Shelf {
    Shelf {
        uuid: Uuid::random(),
        name: "counter".to_owned(),
        height,
        open: true,
        note: None,
        secret: None,
        create_date: Timestamp(1),
        last_op_date: Timestamp(1),
    }
}

/// A started kernel over the server.
async fn on(server: &Server) -> (Kernel, Arc<Wall>, TestDatabase) {
    let (database, wall) = (TestDatabase::on(server.url()).await, Arc::new(Wall::default()));
    let kernel = setup_of(Uuid::random(), &database, &wall).await.start(CHAINS).await.expect("starts");
    (kernel, wall, database)
}

/// Another handle, which gives up soon.
async fn hasty(database: &TestDatabase) -> Db {
    let options = MySqlOptions { connections: 4, patience: Duration::from_secs(1) };
    Db::mysql(&database.url().expect("on a server"), options).await.expect("opens")
}

async fn add_one(db: &Db, row: Uuid) -> Result<Vec<u64>, DbError> {
    let mut batch = db.batch();
    batch.update::<Shelf>().add(Shelf::HEIGHT, 1).eq(Shelf::UUID, &row).expect("is there");
    // Not a key: what was applied twice shows here too.
    batch.insert(&shelf(0));
    db.commit(batch).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_commit_happens_once_while_the_server_is_killed() {
    let server = Server::start();
    let (kernel, _, _database) = on(&server).await;
    let (db, counter) = (kernel.db().clone(), shelf(0));
    let mut batch = db.batch();
    batch.insert(&counter);
    db.commit(batch).await.expect("written");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (db, stopped, counter) = (db.clone(), stopped.clone(), counter.uuid);
            tokio::spawn(async move {
                let mut done = 0;
                while !*stopped.borrow() {
                    add_one(&db, counter).await.expect("the server came back in time");
                    done += 1;
                }
                done
            })
        })
        .collect();
    let height = async || db.find(Shelf::UUID, &counter.uuid).await.expect("read").expect("there").height;
    for _life in 0..4 {
        let before = height().await;
        eventually("progress", async || height().await > before + 50).await;
        server.kill();
        server.start_again();
    }
    stop.send(true).expect("the writers listen");
    let done: i32 = futures::future::join_all(writers).await.into_iter().map(|done| done.expect("no panic")).sum();
    assert!(done > 200, "only {done}");
    assert_eq!(height().await, done);
    assert_eq!(db.select::<Shelf>().count().await.expect("read"), u64::try_from(done).expect("positive") + 1);
    kernel.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_end_with_a_code_while_the_server_is_away_or_hangs() {
    let server = Server::start();
    let (kernel, _, database) = on(&server).await;
    let db = hasty(&database).await;
    let ends_with_a_code = async || {
        let started = Instant::now();
        let nobody = Uuid::random();
        let (read, written) = tokio::join!(db.find(Shelf::UUID, &nobody), add_one(&db, nobody));
        for error in [read.expect_err("nobody there"), written.expect_err("nobody there")] {
            assert!(matches!(error, DbError::Unavailable { .. }), "{error:?}");
            let code = ErrorCode::from(error);
            assert_eq!(code.code, "SYS.1010");
            assert!(code.to_string().contains("did not answer"), "{code}");
        }
        // A second to answer, a second of patience, and something for a machine that is busy.
        assert!(started.elapsed() < Duration::from_secs(10), "after {:?}", started.elapsed());
    };
    db.find(Shelf::UUID, &Uuid::random()).await.expect("there is a connection to lose");
    server.freeze();
    ends_with_a_code().await;
    server.thaw();
    eventually("an answer", async || db.find(Shelf::UUID, &Uuid::random()).await.is_ok()).await;
    server.kill();
    ends_with_a_code().await;
    // What must be written waits, and so does who wants to know when the server is back.
    let row = shelf(1);
    let mut batch = db.batch();
    batch.insert(&row);
    let (sure, waiting) = (db.clone(), db.clone());
    let surely = tokio::spawn(async move { sure.commit_surely(batch).await });
    let ready = tokio::spawn(async move { waiting.ready().await });
    ends_with_a_code().await;
    assert!(!surely.is_finished() && !ready.is_finished(), "longer than patience");
    server.start_again();
    surely.await.expect("no panic").expect("written");
    ready.await.expect("no panic").expect("back");
    assert_eq!(db.find(Shelf::UUID, &row.uuid).await.expect("read"), Some(row));
    // And both end when the database is closed, the server away again.
    server.kill();
    let mut batch = db.batch();
    batch.insert(&shelf(1));
    let (sure, waiting) = (db.clone(), db.clone());
    let surely = tokio::spawn(async move { sure.commit_surely(batch).await });
    let ready = tokio::spawn(async move { waiting.ready().await });
    db.close().await;
    assert!(matches!(surely.await.expect("no panic"), Err(DbError::Closed)));
    assert!(matches!(ready.await.expect("no panic"), Err(DbError::Closed)));
    server.start_again();
    kernel.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_waits_for_its_journal() {
    let server = Server::start();
    let (kernel, wall, database) = on(&server).await;
    let hasty = hasty(&database).await;
    server.kill();
    let context = PutUp { shelf: Uuid::random(), name: "late".into(), height: 20, owner: Uuid::ADMIN, nails: None };
    let flow = tokio::spawn({
        let kernel = kernel.clone();
        async move { kernel.flows().run("put-up", Uuid::random(), context).await }
    });
    hasty.find(Shelf::UUID, &Uuid::random()).await.expect_err("a second passes");
    assert!(!flow.is_finished() && wall.is_whole(), "no step before its record");
    server.start_again();
    let done = flow.await.expect("no panic").expect("done");
    let found = kernel.db().find(Shelf::UUID, &done.shelf).await.expect("read");
    assert_eq!(found.map(|shelf| shelf.name).as_deref(), Some("late"));
    assert_eq!(kernel.db().select::<FlowRow>().count().await.expect("read"), 1);
    kernel.stop().await;
}
