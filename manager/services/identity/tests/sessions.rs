//! The life of sessions, as clients see it.

mod fixture;

use std::time::{Duration, Instant};

use cumulo_contracts::resource::Session;
use cumulo_schema::{Timestamp, Uuid};
use cumulo_testnode::TestNode;
use serde_json::{Value, json};

use fixture::{ADMIN_PASSWORD, create_account, install, log_in, node, uuid};

async fn is_valid(node: &TestNode, session: &str) -> bool {
    let answer = node.call("GET", &format!("/accounts/sessions/{session}/valid"), Value::Null).await;
    answer.expect("answered")["valid"].as_bool().expect("a boolean")
}

async fn row(node: &TestNode, session: &str) -> Option<Session> {
    node.kernel().db().find(Session::UUID, &session.parse::<Uuid>().expect("a uuid")).await.expect("read")
}

/// A session of the admin that ends at `end`.
async fn insert(node: &TestNode, end: Timestamp) -> Uuid {
    let session = Session {
        uuid: Uuid::random(),
        account_uuid: Uuid::ADMIN,
        user_uuid: Uuid::ADMIN,
        user_type: None,
        expired_date: end,
        create_date: Timestamp::now(),
        client_ip: String::new(),
    };
    let mut batch = node.kernel().db().batch();
    batch.insert(&session);
    node.kernel().db().commit(batch).await.expect("inserted");
    session.uuid
}

async fn set(node: &TestNode, name: &str, value: &str) {
    node.kernel().configs().set("identity", name, Some(value)).await.expect("allowed");
}

#[tokio::test]
async fn a_session_works_until_it_is_ended() {
    let mut node = node().await;
    let session = log_in(&node, "admin", ADMIN_PASSWORD).await.expect("logged in");
    let ends = row(&node, uuid(&session)).await.expect("recorded").expired_date.0 - Timestamp::now().0;
    assert!((7_100_000..=7_200_000).contains(&ends), "two hours, not {ends} ms");
    node.use_session(uuid(&session));
    assert!(is_valid(&node, uuid(&session)).await);
    node.call("GET", "/accounts", Value::Null).await.expect("it works");
    for _ in 0..2 {
        let path = format!("/accounts/sessions/{}", uuid(&session));
        assert_eq!(node.call("DELETE", &path, Value::Null).await, Ok(json!({})), "ended is fine");
    }
    assert!(!is_valid(&node, uuid(&session)).await);
    assert_eq!(row(&node, uuid(&session)).await, None);
    assert_eq!(node.call("GET", "/accounts", Value::Null).await.expect_err("ended").code, "ID.1001");
}

#[tokio::test]
async fn what_is_no_session_is_refused_by_sync_and_async_calls_alike() {
    let mut node = node().await;
    for session in [Uuid::random().to_string(), "' OR 1=1".to_owned(), String::new()] {
        node.use_session(session);
        assert_eq!(node.call("GET", "/accounts", Value::Null).await.expect_err("none").code, "ID.1001");
        let body = json!({ "params": { "name": "a", "password": "b" } });
        assert_eq!(node.call("POST", "/accounts", body).await.expect_err("none").code, "ID.1001");
    }
    assert!(!is_valid(&node, "nonsense").await);
}

#[tokio::test]
async fn sessions_outlive_a_restart() {
    let node = node().await.restart(install).await;
    node.call("GET", "/accounts", Value::Null).await.expect("the session is still known");
}

#[tokio::test]
async fn an_unused_session_ends_and_a_used_one_goes_on() {
    let mut node = node().await;
    let soon = Timestamp::now().plus(Duration::from_secs(3));
    let (used, unused) = (insert(&node, soon).await, insert(&node, soon).await);
    node.use_session(used.to_string());
    node.call("GET", "/accounts", Value::Null).await.expect("a use extends it");
    let deadline = Instant::now() + Duration::from_secs(60);
    while is_valid(&node, &unused.to_string()).await {
        assert!(Instant::now() < deadline, "the unused session does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.call("GET", "/accounts", Value::Null).await.expect("extended, so still there");
    node.use_session(unused.to_string());
    assert_eq!(node.call("GET", "/accounts", Value::Null).await.expect_err("ended").code, "ID.1001");
}

#[tokio::test]
async fn renewing_extends_a_session_and_only_its_account_may() {
    let mut node = node().await;
    create_account(&node, "alice", "pa").await;
    let admins = log_in(&node, "admin", ADMIN_PASSWORD).await.expect("logged in");
    let alices = log_in(&node, "alice", "pa").await.expect("logged in");
    let renew = |session: &Value, seconds: i64| {
        (format!("/accounts/sessions/{}/renew", uuid(session)), json!({ "renewSession": { "duration": seconds } }))
    };
    node.use_session(uuid(&alices));
    let (path, body) = renew(&admins, 86_400);
    assert_eq!(node.call("PUT", &path, body).await.expect_err("not hers").code, "ID.1002");
    let (path, body) = renew(&alices, 86_400);
    node.call("PUT", &path, body).await.expect("renewed");
    let left = async || row(&node, uuid(&alices)).await.expect("there").expired_date.0 - Timestamp::now().0;
    assert!((86_300_000..=86_400_000).contains(&left().await), "{}", left().await);
    let (path, body) = renew(&alices, 60);
    node.call("PUT", &path, body).await.expect("renewed");
    assert!(left().await > 86_300_000, "renewing never shortens");
}

#[tokio::test]
async fn an_account_has_at_most_as_many_sessions_as_configured_and_ended_ones_do_not_count() {
    let node = node().await;
    create_account(&node, "alice", "pa").await;
    set(&node, "session.maxConcurrent", "2").await;
    let logins = (0..4).map(|_| log_in(&node, "alice", "pa"));
    let outcomes = futures::future::join_all(logins).await;
    let (open, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((open.len(), refused.len()), (2, 2), "also when they come at once");
    for outcome in refused {
        assert_eq!(outcome.expect_err("refused").code, "ID.1006");
    }
    let session = open[0].as_ref().expect("open");
    node.call("DELETE", &format!("/accounts/sessions/{}", uuid(session)), Value::Null).await.expect("ended");
    log_in(&node, "alice", "pa").await.expect("there is room again");
}

#[tokio::test]
async fn rows_of_sessions_that_ended_are_removed_by_a_later_login() {
    let node = node().await;
    let old = insert(&node, Timestamp(Timestamp::now().0 - 120_000)).await;
    // A new life of the node cleans up at its first login.
    let node = node.restart(install).await;
    log_in(&node, "admin", ADMIN_PASSWORD).await.expect("logged in");
    assert_eq!(row(&node, &old.to_string()).await, None);
}
