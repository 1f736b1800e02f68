use cumulo_kernel::ownership;
use cumulo_schema::{Uuid, system::SystemTag};
use cumulo_testnode::TestNode;
use serde_json::{Value, json};

use crate::thing::{node, thing_of};

fn on(resource: Uuid, tag: &str) -> Value {
    json!({ "params": { "resourceType": "DiskOfferingVO", "resourceUuid": resource, "tag": tag } })
}

async fn tags(node: &TestNode, kind: &str) -> Vec<String> {
    let found = node.query(&format!("/{kind}?sort=%2Btag")).await;
    found.iter().map(|tag| tag["tag"].as_str().expect("a text").to_owned()).collect()
}

fn uuid(inventory: &Value) -> &str {
    inventory["uuid"].as_str().expect("a uuid")
}

#[tokio::test]
async fn tags_of_both_kinds_are_made_changed_and_deleted() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    let user = node.inventory("POST", "/user-tags", on(thing, "it's \"for\" $(me)")).await.expect("made");
    assert_eq!((&user["type"], &user["resourceType"]), (&json!("User"), &json!("DiskOfferingVO")));
    let system = node.inventory("POST", "/system-tags", on(thing, "colour::red")).await.expect("made");
    assert_eq!((&system["type"], &system["inherent"]), (&json!("System"), &json!(false)));
    let path = format!("/system-tags/{}/actions", uuid(&system));
    let body = json!({ "updateSystemTag": { "tag": "colour::blue" } });
    assert_eq!(node.inventory("PUT", &path, body).await.expect("changed")["tag"], "colour::blue");
    for tag in [&user, &system] {
        for _ in 0..2 {
            node.call("DELETE", &format!("/tags/{}", uuid(tag)), Value::Null).await.expect("gone is fine");
        }
    }
    assert!(tags(&node, "user-tags").await.is_empty());
    assert!(tags(&node, "system-tags").await.is_empty());
}

#[tokio::test]
async fn many_system_tags_are_made_together_or_not_at_all() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    let path = format!("/system-tags/{thing}/tags");
    let make = async |tags: &[&str]| {
        let params = json!({ "resourceType": "DiskOfferingVO", "tags": tags });
        node.call("POST", &path, json!({ "params": params })).await
    };
    let made = make(&["colour::red", "colour::blue"]).await.expect("made");
    assert_eq!(made["inventories"].as_array().map(Vec::len), Some(2));
    for bad in
        [&["colour::green", "no-such-tag"][..], &["colour::green", "colour::red"], &["colour::a", "colour::a"], &[]]
    {
        assert!(make(bad).await.is_err(), "{bad:?}");
    }
    assert_eq!(tags(&node, "system-tags").await, ["colour::blue", "colour::red"]);
}

#[tokio::test]
async fn what_cannot_be_tagged_so_is_refused() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    let typed = |vo: &str| json!({ "params": { "resourceType": vo, "resourceUuid": thing, "tag": "colour::red" } });
    for (target, body, code) in [
        ("/system-tags", on(thing, "color::red"), "SYS.1007"),
        ("/system-tags", on(thing, "validationOnly"), "SYS.1007"),
        ("/system-tags", typed("ZoneVO"), "SYS.1003"),
        ("/system-tags", typed("zone; DROP TABLE zone"), "SYS.1007"),
        ("/system-tags", on(Uuid::random(), "colour::red"), "SYS.1003"),
        ("/user-tags", on(Uuid::random(), "x"), "SYS.1003"),
        ("/user-tags", on(thing, ""), "SYS.1007"),
    ] {
        let refused = node.call("POST", target, body.clone()).await.expect_err("refused");
        assert_eq!(refused.code, code, "{target} {body}");
    }
    assert_eq!(node.call("DELETE", "/tags/nonsense", Value::Null).await.expect_err("refused").code, "SYS.1003");
    assert!(tags(&node, "system-tags").await.is_empty());
}

#[tokio::test]
async fn the_same_tag_twice_is_refused_also_when_both_come_at_once() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    for (target, tag) in [("/user-tags", "mine"), ("/system-tags", "colour::red")] {
        let calls = (0..4).map(|_| node.call("POST", target, on(thing, tag)));
        let (made, refused): (Vec<_>, Vec<_>) =
            futures::future::join_all(calls).await.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refused.len()), (1, 3), "{target}");
        assert!(refused.into_iter().all(|outcome| outcome.expect_err("refused").code == "TAG.1000"), "{target}");
    }
    let other = node.inventory("POST", "/system-tags", on(thing, "colour::blue")).await.expect("made");
    let path = format!("/system-tags/{}/actions", uuid(&other));
    let body = json!({ "updateSystemTag": { "tag": "colour::red" } });
    assert_eq!(node.call("PUT", &path, body).await.expect_err("there is one").code, "TAG.1000");
}

#[tokio::test]
async fn inherent_tags_stay_as_they_are() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    let tag: SystemTag = ownership::system_tag("DiskOfferingVO", thing, "colour::red", true);
    let mut batch = node.kernel().db().batch();
    batch.insert(&tag);
    node.kernel().db().commit(batch).await.expect("inserted");
    assert!(node.call("DELETE", &format!("/tags/{}", tag.uuid), Value::Null).await.is_err());
    let body = json!({ "updateSystemTag": { "tag": "colour::blue" } });
    assert!(node.call("PUT", &format!("/system-tags/{}/actions", tag.uuid), body).await.is_err());
    assert_eq!(tags(&node, "system-tags").await, ["colour::red"]);
}

#[tokio::test]
async fn an_account_tags_only_what_it_owns() {
    let mut node = node().await;
    let (alice, bob) = (Uuid::random(), Uuid::random());
    let (hers, his) = (thing_of(&node, alice).await, thing_of(&node, bob).await);
    node.use_session(bob.to_string());
    let tag = node.inventory("POST", "/user-tags", on(his, "x")).await.expect("his");
    let colour = node.inventory("POST", "/system-tags", on(his, "colour::red")).await.expect("his");
    node.use_session(alice.to_string());
    node.call("POST", "/user-tags", on(hers, "x")).await.expect("hers");
    let body = json!({ "updateSystemTag": { "tag": "colour::blue" } });
    for (verb, target, body) in [
        ("POST", "/user-tags".to_owned(), on(his, "y")),
        ("POST", "/system-tags".to_owned(), on(his, "colour::blue")),
        ("DELETE", format!("/tags/{}", uuid(&tag)), Value::Null),
        ("DELETE", format!("/tags/{}", uuid(&colour)), Value::Null),
        ("PUT", format!("/system-tags/{}/actions", uuid(&colour)), body),
    ] {
        let refused = node.call(verb, &target, body).await.expect_err("his");
        assert_eq!(refused.code, "ID.1002", "{verb} {target}");
    }
}
