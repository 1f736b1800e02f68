//! An ordinary account sees nothing of what is the admin's own, by any query that there is.

use cumulo_schema::{ApiKind, Rbac, SeenBy};
use cumulo_testkit::World;
use serde_json::{Value, json};

use super::uuid;

/// Whether a member of `row` is `id`.
fn names(row: &Value, id: &str) -> bool {
    row.as_object().expect("an object").values().any(|value| value == id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_shows_an_ordinary_account_a_row_of_the_admins() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("secret")).await);
    let tag = json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": vm, "tag": "mine" } });
    world.make("POST", "/user-tags", tag).await;
    let tag = json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": vm, "tag": "hostname::secret" } });
    world.make("POST", "/system-tags", tag).await;
    let disk = json!({ "params": { "name": "disk", "diskSize": 1 << 30 } });
    world.make("POST", "/disk-offerings", disk).await;
    let admin = uuid(&world.query("/accounts").await[0]);
    let key = json!({ "params": { "accountUuid": admin, "userUuid": admin } });
    world.make("POST", "/accesskeys", key).await;
    let (bob, _) = world.account("bob").await;
    let share = json!({ "shareResource": { "resourceUuids": [cloud.image], "accountUuids": [bob] } });
    world.call("PUT", "/accounts/resources/actions", &share).await.expect("shared");
    let (alice, hers) = world.account("alice").await;

    let mut hidden = Vec::new();
    let queries = world.kernel().supported_apis();
    for api in queries.iter().filter(|api| matches!(api.kind, ApiKind::Query(_))) {
        let theirs = world.query(api.path).await;
        let admins = world.use_session(hers.clone());
        let answer = world.call("GET", api.path, &Value::Null).await;
        if api.rbac == Rbac::AdminOnly {
            assert_eq!(answer.expect_err("for the admin only").error().code, "ID.1002", "{}", api.name);
        } else if !is_for_all(&world, api.kind) {
            let rows = answer.expect("answered")["inventories"].take();
            for row in rows.as_array().expect("rows") {
                assert!(names(row, &alice), "{} shows {row}", api.name);
            }
            let key =
                theirs.iter().find(|row| !names(row, &alice)).and_then(|row| row["uuid"].as_str()).unwrap_or_default();
            if !key.is_empty() {
                assert!(world.query(&format!("{}/{key}", api.path)).await.is_empty(), "{} by id", api.name);
            }
            if !theirs.is_empty() {
                hidden.push(api.name);
            }
        }
        world.use_session(admins);
    }
    for private in [
        "QueryAccount",
        "QueryAccountResourceRef",
        "QueryAccessKey",
        "QueryDiskOffering",
        "QueryImage",
        "QueryInstanceOffering",
        "QueryIpAddress",
        "QueryIpRange",
        "QueryL2Network",
        "QueryL3Network",
        "QueryQuota",
        "QuerySharedResource",
        "QuerySystemTag",
        "QueryUserTag",
        "QueryVmInstance",
        "QueryVmNic",
        "QueryVolume",
    ] {
        assert!(hidden.contains(&private), "{private} found the admin nothing, so nothing was hidden: {hidden:?}");
    }
}

fn is_for_all(world: &World, kind: ApiKind) -> bool {
    let ApiKind::Query(resource) = kind else { return false };
    let schema = world.kernel().query().schema();
    let meta = schema.resource(resource).expect("declared");
    schema.target(meta).root().seen_by.contains(&SeenBy::All)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_through_a_join_does_not_tell_what_is_there() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    world.make("POST", "/vm-instances", cloud.vm("secret")).await;
    super::share(&world, &cloud, &[]).await;
    let (_, hers) = world.account("alice").await;
    let probes = [
        "/hosts?q=vmInstance.name=secret",
        "/zones?q=vmInstance.name=secret",
        "/images?q=volume.name~=ROOT%25",
        "/l3-networks?q=vmNic.ip~=10.%25",
        "/l3-networks?q=usedIp.ip~=10.%25",
    ];
    for probe in probes {
        assert_eq!(world.query(probe).await.len(), 1, "the admin may ask that: {probe}");
    }
    world.use_session(hers);
    for probe in probes {
        assert!(world.query(probe).await.is_empty(), "{probe}");
    }
    assert_eq!(world.query("/l3-networks?q=ipRanges.startIp~=10.%25").await.len(), 1, "ranges are of the network");
}
