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

#[tokio::test]
async fn patterns_are_made_attached_filled_in_and_taken_off() {
    let node = node().await;
    let (one, two) = (thing_of(&node, Uuid::ADMIN).await, thing_of(&node, Uuid::ADMIN).await);
    let create = |params: Value| node.inventory("POST", "/tags", json!({ "params": params }));
    let gold = create(json!({ "name": "gold", "value": "gold", "color": "#ffd700" })).await.expect("made");
    let room = create(json!({ "name": "room", "value": "room::{number}", "type": "withToken" })).await.expect("made");
    for bad in [
        json!({ "name": "x", "value": "room::{number}" }),
        json!({ "name": "x", "value": "plain", "type": "withToken" }),
        json!({ "name": "x", "value": "x", "color": "red" }),
    ] {
        assert_eq!(create(bad.clone()).await.expect_err("refused").code, "SYS.1007", "{bad}");
    }
    let attach = async |pattern: &Value, params: Value| {
        node.call("POST", &format!("/tags/{}/resources", uuid(pattern)), json!({ "params": params })).await
    };
    let both = attach(&gold, json!({ "resourceUuids": [one, two] })).await.expect("attached");
    assert_eq!(both["inventories"].as_array().map(Vec::len), Some(2));
    assert_eq!(both["inventories"][0]["tagPatternUuid"], gold["uuid"]);
    attach(&gold, json!({ "resourceUuids": [one] })).await.expect("attached already");
    for number in ["7", "8"] {
        attach(&room, json!({ "resourceUuids": [one], "tokens": { "number": number } })).await.expect("filled in");
    }
    assert_eq!(tags(&node, "user-tags").await, ["gold", "gold", "room::8"]);
    for bad in [json!({}), json!({ "number": "" }), json!({ "number": "1", "floor": "2" })] {
        let params = json!({ "resourceUuids": [two], "tokens": bad });
        assert_eq!(attach(&room, params).await.expect_err("refused").code, "SYS.1007", "{bad}");
    }
    assert!(attach(&gold, json!({ "resourceUuids": [Uuid::random()] })).await.is_err(), "of nothing");

    let read = node.query(&format!("/tags/{}", uuid(&gold))).await;
    assert_eq!((read.len(), &read[0]["color"]), (1, &json!("#ffd700")));
    let renamed = json!({ "updateTag": { "name": "silver" } });
    let renamed = node.inventory("PUT", &format!("/tags/{}/actions", uuid(&gold)), renamed).await.expect("changed");
    assert_eq!((&renamed["name"], &renamed["value"]), (&json!("silver"), &json!("gold")));
    let off = format!("/tags/{}/resources?resourceUuids={one}", uuid(&gold));
    node.call("DELETE", &off, Value::Null).await.expect("taken off");
    assert_eq!(tags(&node, "user-tags").await, ["gold", "room::8"]);
    node.call("DELETE", &format!("/tags/{}", uuid(&gold)), Value::Null).await.expect("deleted");
    assert_eq!(tags(&node, "user-tags").await, ["room::8"], "its tags go with a pattern");
    assert!(node.query(&format!("/tags/{}", uuid(&gold))).await.is_empty());
}

#[tokio::test]
async fn third_parties_keep_tags_on_anything() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    for tag in ["3rd::billing::7", "audit::departmentId::1"] {
        node.inventory("POST", "/system-tags", on(thing, tag)).await.expect("kept");
    }
    assert_eq!(node.query("/system-tags?q=tag~=audit::%25").await.len(), 1);
    assert!(node.inventory("POST", "/system-tags", on(thing, "3rd::")).await.is_err());
}
