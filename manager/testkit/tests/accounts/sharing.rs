//! What is shared can be used, and neither changed nor deleted.

use cumulo_testkit::World;
use serde_json::{Value, json};

use super::{share, uuid};

async fn act(world: &World, action: Value) -> Result<Value, cumulo_testkit::Refused> {
    world.call("PUT", "/accounts/resources/actions", &action).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_is_made_of_what_is_shared_and_nothing_of_it_can_be_changed() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let (alice, hers) = world.account("alice").await;
    let admins = world.use_session(hers.clone());
    let refused = world.call("POST", "/vm-instances", &cloud.vm("too early")).await.expect_err("not shared").error();
    assert_eq!(refused.code, "ID.1002", "{refused}");
    assert!(refused.details.contains("not shared"), "{refused}");
    world.use_session(admins.clone());
    share(&world, &cloud, &[&alice]).await;
    share(&world, &cloud, &[&alice]).await;
    assert_eq!(world.query("/accounts/resources").await.len(), 3, "shared twice is shared once");

    world.use_session(hers.clone());
    let vm = world.make("POST", "/vm-instances", cloud.vm("hers")).await;
    assert_eq!(vm["state"], "Running");
    let l3 = &world.query("/l3-networks").await[0];
    assert_eq!(l3["uuid"], cloud.l3);
    assert_eq!(l3["ipRanges"].as_array().map(Vec::len), Some(1), "{l3}");
    let l2 = &world.query("/l2-networks").await[0];
    assert_eq!((&l2["uuid"], &l2["attachedClusterUuids"][0]), (&json!(cloud.l2), &json!(cloud.cluster)));
    let image = &world.query("/images").await[0];
    assert_eq!(image["backupStorageRefs"].as_array().map(Vec::len), Some(1), "{image}");
    assert_eq!(world.query("/instance-offerings").await.len(), 1);
    assert_eq!(world.query("/accounts/resources").await.len(), 3);

    let (image, l3) = (format!("/images/{}", cloud.image), format!("/l3-networks/{}", cloud.l3));
    let range = json!({ "params": { "name": "r", "startIp": "10.0.101.200", "endIp": "10.0.101.210",
                                    "netmask": "255.255.255.0", "gateway": "10.0.101.1" } });
    let onwards = json!({ "shareResource": { "resourceUuids": [cloud.image], "toPublic": true } });
    let take_back = json!({ "revokeResourceSharing": { "resourceUuids": [cloud.image], "all": true } });
    let tag = json!({ "params": { "resourceType": "ImageVO", "resourceUuid": cloud.image, "tag": "mine" } });
    for (verb, path, body) in [
        ("DELETE", image.clone(), Value::Null),
        ("PUT", format!("{image}/actions"), json!({ "updateImage": { "name": "mine" } })),
        ("PUT", format!("{image}/actions"), json!({ "changeImageState": { "stateEvent": "disable" } })),
        ("DELETE", l3.clone(), Value::Null),
        ("PUT", format!("{l3}/actions"), json!({ "updateL3Network": { "name": "mine" } })),
        ("POST", format!("{l3}/ip-ranges"), range),
        ("POST", format!("{l3}/dns"), json!({ "params": { "dns": "1.1.1.1" } })),
        ("DELETE", format!("/l2-networks/{}", cloud.l2), Value::Null),
        ("POST", "/l3-networks".to_owned(), json!({ "params": { "name": "on hers", "l2NetworkUuid": cloud.l2 } })),
        ("PUT", "/accounts/resources/actions".to_owned(), onwards),
        ("PUT", "/accounts/resources/actions".to_owned(), take_back.clone()),
        ("POST", "/user-tags".to_owned(), tag),
    ] {
        let refused = world.call(verb, &path, &body).await.expect_err(&format!("{verb} {path} {body}")).error();
        assert_eq!(refused.code, "ID.1002", "{verb} {path}: {refused}");
    }

    world.use_session(admins);
    act(&world, take_back).await.expect("taken back");
    act(&world, json!({ "revokeResourceSharing": { "resourceUuids": [cloud.l3], "accountUuids": [alice] } }))
        .await
        .expect("taken back");
    world.use_session(hers);
    assert!(world.query("/images").await.is_empty());
    assert!(world.query("/l2-networks").await.is_empty(), "the L2 network was seen through its L3 network");
    assert!(world.call("POST", "/vm-instances", &cloud.vm("another")).await.is_err());
    assert_eq!(world.query("/vm-instances").await[0]["state"], "Running", "what was made with it stays");
    let vm = uuid(&vm);
    let stop = json!({ "stopVmInstance": {} });
    assert_eq!(world.make("PUT", &format!("/vm-instances/{vm}/actions"), stop).await["state"], "Stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_public_is_for_accounts_to_come_and_goes_with_its_resource() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    share(&world, &cloud, &[]).await;
    let (_, hers) = world.account("alice").await;
    let admins = world.use_session(hers.clone());
    assert_eq!(world.query("/instance-offerings").await.len(), 1);
    assert_eq!(world.query("/accounts/resources").await.len(), 3, "what is for all may be known to all");
    world.use_session(admins.clone());
    world.call("DELETE", &format!("/instance-offerings/{}", cloud.offering), &Value::Null).await.expect("deleted");
    assert_eq!(world.query("/accounts/resources").await.len(), 2);
    let back = json!({ "revokeResourceSharing": { "resourceUuids": [cloud.image], "toPublic": true } });
    act(&world, back).await.expect("taken back");
    world.use_session(hers);
    assert!(world.query("/images").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_shared_is_refused_with_a_reason() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let (alice, _) = world.account("alice").await;
    let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm")).await);
    for (resource, with, code, reason) in [
        (&vm, json!([alice]), "SYS.1007", "L3NetworkVO"),
        (&cloud.host, json!([alice]), "SYS.1003", "belongs to no account"),
        (&cloud.image, json!([]), "SYS.1007", "toPublic"),
        (&cloud.image, json!([cloud.image]), "SYS.1003", "Account"),
    ] {
        let action = json!({ "shareResource": { "resourceUuids": [resource], "accountUuids": with } });
        let refused = act(&world, action).await.expect_err("refused").error();
        assert_eq!(refused.code, code, "{refused}");
        assert!(refused.details.contains(reason), "{refused}");
    }
    assert!(world.query("/accounts/resources").await.is_empty());
}
