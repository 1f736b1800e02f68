//! `cumulo-manager migrate`, as an operator types it.

use std::{
    path::Path,
    process::{Command, Output},
};

use cumulo_kernel::db::{Migration, Version};
use cumulo_manager::{Node, config::Config};
use cumulo_testdb::TestDatabase;

/// The database of the test, by way of the environment as an operator would do with one that holds a password.
fn manager(database: &TestDatabase, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cumulo-manager"));
    command.env_remove("CUMULO_DATABASE");
    if let Some(url) = database.url() {
        command.env("CUMULO_DATABASE", url);
    }
    command.args(["--data-dir", &data_dir(database).to_string_lossy()]).args(arguments).output().expect("it runs")
}

/// The fixture's embedded database is `cumulo.db` in its directory, and so is a node's in its own.
fn data_dir(database: &TestDatabase) -> &Path {
    database.path()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_planned_migrated_and_refused_when_it_is_newer() {
    let database = TestDatabase::new().await;
    let plan = manager(&database, &["migrate", "--dry-run"]);
    let shown = text(&plan.stdout);
    assert!(plan.status.success(), "{}", text(&plan.stderr));
    assert!(shown.contains("-- 20261121_0000_kernel\nCREATE TABLE \"account_resource_ref\""), "{shown}");
    assert!(!database.path().join("cumulo.db").exists(), "looking makes nothing");

    let done = manager(&database, &["migrate"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("applied 20261121_0000_kernel\n"), "{}", text(&done.stdout));
    let again = manager(&database, &["migrate", "--dry-run"]);
    assert_eq!(text(&again.stdout), "-- 0 migrations would be applied\n");

    // The next major version was here.
    let db = database.open().await;
    let future = Migration { name: "29990101_0000_future", sql: "CREATE TABLE future (x BIGINT);\n" };
    db.migrate_as(Version::new(99, 1, 0), &[future]).await.expect("migrated");
    db.close().await;
    for arguments in [&["migrate"][..], &["migrate", "--dry-run"], &["--listen", "127.0.0.1:0"]] {
        let refused = manager(&database, arguments);
        let reason = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(reason.contains("29990101_0000_future") && reason.contains("99.0.0 or newer"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_starts_over_what_was_migrated_by_hand() {
    let database = TestDatabase::new().await;
    assert!(manager(&database, &["migrate"]).status.success());
    let config = Config {
        data_dir: data_dir(&database).to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        callback_listen: ([127, 0, 0, 1], 0).into(),
        database: database.url(),
        ..Config::default()
    };
    let node = Node::start(&config, Some("password")).await.expect("starts");
    node.stop().await;
    let mut entries = std::fs::read_dir(database.path()).expect("a directory");
    assert!(entries.all(|entry| entry.expect("an entry").file_name() != "backup"), "nothing was upgraded");
}
