use std::time::Duration;

use cumulo_contracts::{
    message::{host::HostStatusChanged, vm::VmStateChanged},
    resource::{HostStatus, VmState},
};
use cumulo_schema::Uuid;
use cumulo_testnode::TestNode;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::thing::node;

/// Somebody who listens, and what was heard.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (heard, hears) = mpsc::unbounded_channel();
    let app = axum::Router::new().fallback(move |body: String| {
        let told = heard.send(serde_json::from_str(&body).expect("JSON")).is_ok();
        async move { if told { axum::http::StatusCode::OK } else { axum::http::StatusCode::GONE } }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let url = format!("http://{}/events", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, hears)
}

async fn hear(hears: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    tokio::time::timeout(Duration::from_secs(10), hears.recv()).await.expect("within 10 s").expect("told")
}

fn hook(url: &str, opaque: &str) -> Value {
    json!({ "params": { "name": "h", "url": url, "type": "CanonicalEvent", "opaque": opaque } })
}

fn happen(node: &TestNode, vm: Uuid, host: Uuid) {
    node.kernel().bus().publish(&HostStatusChanged { host, old: HostStatus::Connecting, new: HostStatus::Connected });
    node.kernel().bus().publish(&VmStateChanged { vm, old: VmState::Starting, new: VmState::Running });
}

#[tokio::test]
async fn a_web_hook_is_told_of_what_it_asked_for_until_it_is_deleted() {
    let node = node().await;
    let (url, mut hears) = receiver().await;
    let made = node.inventory("POST", "/web-hooks", hook(&url, "/vm/state/*")).await.expect("created");
    let (vm, host) = (Uuid::random(), Uuid::random());
    happen(&node, vm, host);
    let told = hear(&mut hears).await;
    assert_eq!(told["path"], "/vm/state/change");
    assert_eq!(told["content"], json!({ "vmUuid": vm, "oldState": "Starting", "newState": "Running" }));
    assert_eq!(told["managementNodeId"], json!(node.kernel().node()));

    let uuid = made["uuid"].as_str().expect("a uuid");
    let update = json!({ "updateWebhook": { "opaque": "/host/status/change" } });
    node.inventory("PUT", &format!("/web-hooks/{uuid}"), update).await.expect("updated");
    happen(&node, vm, host);
    let content = json!({ "hostUuid": host, "oldStatus": "Connecting", "newStatus": "Connected" });
    assert_eq!(hear(&mut hears).await["content"], content);

    for _ in 0..2 {
        node.call("DELETE", &format!("/web-hooks/{uuid}"), Value::Null).await.expect("gone is fine");
    }
    assert!(node.query("/web-hooks").await.is_empty());
    assert!(hears.try_recv().is_err(), "the host was told of once, the VM not again");
}

#[tokio::test]
async fn dead_receivers_hold_up_neither_events_nor_other_receivers() {
    let node = node().await;
    let (url, mut hears) = receiver().await;
    for _ in 0..5 {
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let dead = format!("http://{}/", nobody.local_addr().expect("an address"));
        drop(nobody);
        node.inventory("POST", "/web-hooks", hook(&dead, "")).await.expect("created");
    }
    node.inventory("POST", "/web-hooks", hook(&url, "*")).await.expect("created");
    for _ in 0..20 {
        happen(&node, Uuid::random(), Uuid::random());
    }
    for _ in 0..40 {
        hear(&mut hears).await;
    }
}

#[tokio::test]
async fn what_is_no_address_or_no_kind_is_refused() {
    let mut node = node().await;
    for (name, wrong) in [("url", "file:///etc/passwd"), ("url", ""), ("type", "Carrier pigeon")] {
        let mut body = hook("http://a.example/", "");
        body["params"][name] = wrong.into();
        let refused = node.call("POST", "/web-hooks", body).await.expect_err("refused");
        assert_eq!(refused.code, "SYS.1007", "{refused}");
    }
    let made = node.inventory("POST", "/web-hooks", hook("http://a.example/", "")).await.expect("created");
    let (uuid, update) = (made["uuid"].as_str().expect("a uuid"), json!({ "updateWebhook": { "url": "nowhere" } }));
    let refused = node.call("PUT", &format!("/web-hooks/{uuid}"), update).await.expect_err("refused");
    assert_eq!(refused.code, "SYS.1007");
    node.use_session(Uuid::random().to_string());
    let refused = node.call("POST", "/web-hooks", hook("http://a.example/", "")).await.expect_err("the admin's");
    assert_eq!(refused.code, "ID.1002");
}
