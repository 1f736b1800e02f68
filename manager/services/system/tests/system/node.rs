use std::time::{Duration, Instant};

use cumulo_schema::{Timestamp, Uuid, system::ManagementNode};
use cumulo_testnode::TestNode;
use serde_json::{Value, json};

use crate::thing::{install, node};

async fn row(node: &TestNode) -> Option<ManagementNode> {
    let id = node.kernel().node();
    node.kernel().db().find(ManagementNode::UUID, &id).await.expect("read")
}

async fn ask(node: &TestNode, action: &str) -> Value {
    node.call("PUT", "/management-nodes/actions", json!({ action: {} })).await.expect("answered")
}

#[tokio::test]
async fn a_node_tells_about_itself_without_a_session() {
    let mut node = node().await;
    node.use_session("none");
    assert_eq!(ask(&node, "getVersion").await, json!({ "success": true, "version": env!("CARGO_PKG_VERSION") }));
    assert_eq!(ask(&node, "getManagementNodeArch").await["architecture"], std::env::consts::ARCH);
    let os = node.call("PUT", "/management/actions", json!({ "getManagementNodeOS": {} })).await.expect("answered");
    assert!(os["name"].as_str().is_some_and(|name| !name.is_empty()), "{os}");
    let time = ask(&node, "getCurrentTime").await["currentTime"].clone();
    let (milliseconds, seconds) = (time["MillionSeconds"].as_i64(), time["Seconds"].as_i64());
    assert_eq!(milliseconds.map(|time| time / 1000), seconds);
    assert!(milliseconds.is_some_and(|time| (Timestamp::now().0 - time).abs() < 60_000), "{time}");
    let apis = ask(&node, "getSupportAPIs").await["supportApis"].clone();
    let apis: Vec<_> = apis.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(apis.contains(&"APIQueryManagementNodeMsg") && apis.contains(&"APIGetSupportAPIsMsg"), "{apis:?}");
    assert!(!apis.contains(&"APICreateZoneMsg"), "nobody answers it here");
}

/// Waits for a row that is as `wanted` says.
async fn wait(node: &TestNode, what: &str, wanted: impl Fn(&ManagementNode) -> bool) -> ManagementNode {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let row = row(node).await;
        match row.filter(&wanted) {
            Some(row) => return row,
            None => assert!(Instant::now() < deadline, "{what}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_node_gives_signs_of_life_and_its_next_life_replaces_its_row() {
    let node = node().await;
    node.kernel().configs().set("managementServer", "node.heartbeatInterval", Some("1")).await.expect("allowed");
    cumulo_service_system::start(node.kernel());
    let first = wait(&node, "the node does not join", |_| true).await;
    assert!(!first.host_name.is_empty());
    assert_eq!(node.query("/management-nodes").await.len(), 1);
    wait(&node, "no sign of life", |row| row.heart_beat > first.heart_beat && row.join_date == first.join_date).await;
    let node = node.restart(install).await;
    cumulo_service_system::start(node.kernel());
    wait(&node, "the row is not replaced", |row| row.join_date > first.join_date).await;
    assert_eq!(node.query("/management-nodes").await.len(), 1);
}

#[tokio::test]
async fn a_node_is_ready_when_it_answers_and_another_while_it_gives_signs_of_life() {
    let node = node().await;
    let ready = async |id: String| node.call("GET", &format!("/management-nodes/ready{id}"), Value::Null).await;
    assert_eq!(ready(String::new()).await, Ok(json!({})));
    assert_eq!(ready(format!("?managementNodeId={}", node.kernel().node())).await, Ok(json!({})));
    let now = Timestamp::now();
    for (age, code) in [(0, None), (60_000, Some("SYS.1010"))] {
        let other = ManagementNode {
            uuid: Uuid::random(),
            host_name: "192.0.2.3".to_owned(),
            join_date: now,
            heart_beat: Timestamp(now.0 - age),
        };
        let mut batch = node.kernel().db().batch();
        batch.insert(&other);
        node.kernel().db().commit(batch).await.expect("inserted");
        let answer = ready(format!("?managementNodeId={}", other.uuid)).await;
        assert_eq!(answer.err().map(|error| error.code).as_deref(), code);
    }
    let unknown = ready(format!("?managementNodeId={}", Uuid::random())).await;
    assert_eq!(unknown.expect_err("unknown").code, "SYS.1003");
}
