//! Quotas: never exceeded, however many ask at once, and given back whatever fails.

use cumulo_kernel::quota::QuotaClaim;
use cumulo_schema::{Uuid, system::Quota};
use cumulo_testkit::{Cloud, World};
use serde_json::{Value, json};

use super::{share, uuid};

/// A cloud that `alice` may use; calls are made by her. Her id, and the admin's session.
async fn hers() -> (World, Cloud, String, String) {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let (alice, session) = world.account("alice").await;
    share(&world, &cloud, &[&alice]).await;
    let admins = world.use_session(session);
    (world, cloud, alice, admins)
}

async fn set(world: &mut World, admins: &str, account: &str, name: &str, value: i64) -> Value {
    let before = world.use_session(admins.to_owned());
    let update = json!({ "updateQuota": { "identityUuid": account, "name": name, "value": value } });
    let quota = world.make("PUT", "/accounts/quotas/actions", update).await;
    world.use_session(before);
    quota
}

/// What `account` uses of the quota `name`, and how much there is, after checking that every count is the sum of what is
/// held.
async fn usage(world: &World, account: &str, name: &str) -> (i64, i64) {
    let db = world.kernel().db();
    for quota in db.select::<Quota>().all().await.expect("read") {
        let claims = db.select::<QuotaClaim>().eq(QuotaClaim::QUOTA_UUID, &quota.uuid).all().await.expect("read");
        let held: i64 = claims.iter().map(|claim| claim.amount).sum();
        assert_eq!(quota.free + held, quota.value, "{} of {} does not add up", quota.name, quota.identity_uuid);
    }
    let answer = world.call("GET", &format!("/accounts/quota/{account}/usages"), &Value::Null).await.expect("answered");
    let usages = answer["usages"].as_array().expect("a list").clone();
    let usage = usages.iter().find(|usage| usage["name"] == name).expect("a quota of that name");
    (usage["used"].as_i64().expect("a number"), usage["total"].as_i64().expect("a number"))
}

async fn act(world: &World, vm: &str, action: &str) -> Value {
    world.make("PUT", &format!("/vm-instances/{vm}/actions"), json!({ action: {} })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_creates_at_once_make_as_many_vms_as_the_quota_says() {
    let (mut world, cloud, alice, admins) = hers().await;
    set(&mut world, &admins, &alice, "vm.totalNum", 7).await;
    let names: Vec<Value> = (0..100).map(|n| cloud.vm(&format!("vm-{n}"))).collect();
    let creates = names.iter().map(|body| world.call("POST", "/vm-instances", body));
    let outcomes = futures::future::join_all(creates).await;
    let (made, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (7, 93));
    for outcome in refused {
        let error = outcome.expect_err("refused").error();
        assert_eq!(error.code, "ID.1003", "{error}");
        assert!(error.details.contains("vm.totalNum") && error.details.contains(" 7 "), "{error}");
    }
    assert_eq!(world.query("/vm-instances").await.len(), 7);
    assert_eq!(usage(&world, &alice, "vm.totalNum").await, (7, 7));
    assert_eq!(usage(&world, &alice, "vm.num").await, (7, 20));
    assert_eq!(usage(&world, &alice, "vm.memorySize").await.0, 7 * (128 << 20));
    assert_eq!(usage(&world, &alice, "volume.capacity").await.0, 7 * (64 << 20));
    let quotas = world.query("/accounts/quotas?q=name=vm.totalNum").await;
    assert_eq!((quotas.len(), &quotas[0]["value"]), (1, &json!(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_counts_while_it_runs_and_what_is_there_while_it_is_there() {
    let (mut world, cloud, alice, admins) = hers().await;
    set(&mut world, &admins, &alice, "vm.cpuNum", 1).await;
    let first = uuid(&world.make("POST", "/vm-instances", cloud.vm("first")).await);
    let refused = world.call("POST", "/vm-instances", &cloud.vm("second")).await.expect_err("one runs").error();
    assert_eq!(refused.code, "ID.1003", "{refused}");
    assert!(refused.details.contains("vm.cpuNum"), "{refused}");
    assert_eq!(usage(&world, &alice, "vm.totalNum").await.0, 1, "what was refused left nothing");
    act(&world, &first, "stopVmInstance").await;
    assert_eq!(usage(&world, &alice, "vm.cpuNum").await.0, 0);
    let second = uuid(&world.make("POST", "/vm-instances", cloud.vm("second")).await);
    let start = json!({ "startVmInstance": {} });
    let path = format!("/vm-instances/{first}/actions");
    let refused = world.call("PUT", &path, &start).await.expect_err("the second runs").error();
    assert_eq!(refused.code, "ID.1003", "{refused}");
    assert_eq!(world.query(&format!("/vm-instances/{first}")).await[0]["state"], "Stopped");

    world.call("DELETE", &format!("/vm-instances/{second}"), &Value::Null).await.expect("destroyed");
    assert_eq!(usage(&world, &alice, "vm.totalNum").await.0, 1);
    set(&mut world, &admins, &alice, "vm.totalNum", 1).await;
    let recover = json!({ "recoverVmInstance": {} });
    let path = format!("/vm-instances/{second}/actions");
    let refused = world.call("PUT", &path, &recover).await.expect_err("one is all she may have").error();
    assert_eq!(refused.code, "ID.1003", "{refused}");
    set(&mut world, &admins, &alice, "vm.totalNum", 2).await;
    act(&world, &second, "recoverVmInstance").await;
    assert_eq!(usage(&world, &alice, "vm.totalNum").await, (2, 2));
    for vm in [first, second] {
        world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
        let expunge = json!({ "expungeVmInstance": {} });
        world.call("PUT", &format!("/vm-instances/{vm}/actions"), &expunge).await.expect("expunged");
    }
    for quota in world.query("/accounts/quotas").await {
        let name = quota["name"].as_str().expect("a name");
        assert_eq!(usage(&world, &alice, name).await.0, 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn volumes_images_and_networks_count_and_only_the_admin_says_how_much() {
    let (mut world, cloud, alice, admins) = hers().await;
    set(&mut world, &admins, &alice, "volume.capacity", (64 << 20) - 1).await;
    let refused = world.call("POST", "/vm-instances", &cloud.vm("too large")).await.expect_err("no room").error();
    assert_eq!(refused.code, "ID.1003", "{refused}");
    assert!(world.query("/vm-instances").await.is_empty() && world.query("/volumes").await.is_empty());
    assert_eq!(usage(&world, &alice, "vm.num").await.0, 0, "undone with the rest");

    set(&mut world, &admins, &alice, "image.num", 0).await;
    let image = json!({ "params": { "name": "hers", "mediaType": "RootVolumeTemplate", "platform": "Linux", "format": "qcow2",
                                    "url": "http://images.example/guest.qcow2", "backupStorageUuids": [cloud.backup_storage] } });
    assert_eq!(world.call("POST", "/images", &image).await.expect_err("none").error().code, "ID.1003");
    let before = world.use_session(admins.clone());
    let share = json!({ "shareResource": { "resourceUuids": [cloud.l2], "accountUuids": [alice] } });
    world.call("PUT", "/accounts/resources/actions", &share).await.expect("shared");
    world.use_session(before);
    set(&mut world, &admins, &alice, "l3.num", 1).await;
    let l3 = |name: &str| json!({ "params": { "name": name, "l2NetworkUuid": cloud.l2 } });
    let made = world.make("POST", "/l3-networks", l3("hers")).await;
    assert_eq!(world.call("POST", "/l3-networks", &l3("more")).await.expect_err("one").error().code, "ID.1003");
    world.call("DELETE", &format!("/l3-networks/{}", uuid(&made)), &Value::Null).await.expect("deleted");
    world.make("POST", "/l3-networks", l3("another")).await;

    let update =
        |account: &str, name: &str| json!({ "updateQuota": { "identityUuid": account, "name": name, "value": 5 } });
    let path = "/accounts/quotas/actions";
    let refused = world.call("PUT", path, &update(&alice, "vm.num")).await.expect_err("not hers to say").error();
    assert_eq!(refused.code, "ID.1002", "{refused}");
    world.use_session(admins);
    for (account, name) in [(Uuid::ADMIN.to_string(), "vm.num"), (alice.clone(), "no.such")] {
        let refused = world.call("PUT", path, &update(&account, name)).await.expect_err("no such quota").error();
        assert_eq!(refused.code, "ID.1004", "{refused}");
    }
    let raised = world.call("PUT", path, &update(&alice, "image.num")).await.expect("raised");
    assert_eq!(raised["inventory"]["value"], 5);
    assert_eq!(usage(&world, &alice, "image.num").await, (0, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_account_gets_what_the_settings_say() {
    let world = World::new().await;
    let set = json!({ "updateGlobalConfig": { "value": "3" } });
    world.call("PUT", "/global-configurations/quota/vm.num/actions", &set).await.expect("set");
    let (carol, _) = world.account("carol").await;
    assert_eq!(usage(&world, &carol, "vm.num").await, (0, 3));
    let admin = world.call("GET", &format!("/accounts/quota/{}/usages", Uuid::ADMIN), &Value::Null).await;
    assert_eq!(admin.expect("answered")["usages"], json!([]), "nothing limits the admin");
}
