//! What goes with an account: what it owns, its sessions, keys, quotas, and what was shared with it.

use cumulo_kernel::quota::QuotaClaim;
use cumulo_schema::{
    Uuid,
    system::{AccountResourceRef, Quota, SharedResource},
};
use cumulo_testkit::World;
use serde_json::{Value, json};

use super::share;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_takes_with_it_what_it_owns() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    let (alice, hers) = world.account("alice").await;
    share(&world, &cloud, &[&alice]).await;
    let l2 = json!({ "shareResource": { "resourceUuids": [cloud.l2], "accountUuids": [alice] } });
    world.call("PUT", "/accounts/resources/actions", &l2).await.expect("shared");

    let admins = world.use_session(hers.clone());
    world.make("POST", "/vm-instances", cloud.vm("running")).await;
    let mut stopped = cloud.vm("stopped");
    stopped["params"]["strategy"] = json!("CreateStopped");
    world.make("POST", "/vm-instances", stopped).await;
    let disk = json!({ "params": { "name": "disk", "diskSize": 1 << 30 } });
    world.make("POST", "/disk-offerings", disk).await;
    world.make("POST", "/l3-networks", json!({ "params": { "name": "hers", "l2NetworkUuid": cloud.l2 } })).await;
    let image = json!({ "params": { "name": "hers", "mediaType": "RootVolumeTemplate", "platform": "Linux", "format": "qcow2",
                                    "url": "http://images.example/guest.qcow2", "backupStorageUuids": [cloud.backup_storage] } });
    world.make("POST", "/images", image).await;
    let key = json!({ "params": { "accountUuid": alice, "userUuid": alice } });
    world.make("POST", "/accesskeys", key).await;

    world.use_session(admins);
    world.call("DELETE", &format!("/accounts/{alice}"), &Value::Null).await.expect("deleted");
    world.call("DELETE", &format!("/accounts/{alice}"), &Value::Null).await.expect("gone is fine");
    for (path, left) in [
        ("/vm-instances", 0),
        ("/volumes", 0),
        ("/vm-instances/nics", 0),
        ("/disk-offerings", 0),
        ("/l3-networks", 1),
        ("/accesskeys", 0),
        ("/accounts", 1),
        ("/accounts/quotas", 0),
        ("/accounts/resources", 0),
    ] {
        assert_eq!(world.query(path).await.len(), left, "{path}");
    }
    let images = world.query("/images?q=status!=Deleted").await;
    assert_eq!(images.len(), 1, "hers is deleted: {images:?}");
    let db = world.kernel().db();
    let account: Uuid = alice.parse().expect("a uuid");
    assert_eq!(db.select().eq(AccountResourceRef::ACCOUNT_UUID, &account).count().await.expect("read"), 0);
    assert_eq!(db.select::<SharedResource>().count().await.expect("read"), 0);
    assert_eq!(db.select::<Quota>().count().await.expect("read"), 0);
    assert_eq!(db.select::<QuotaClaim>().count().await.expect("read"), 0);
    let host: Uuid = cloud.host.parse().expect("a uuid");
    assert!(world.sims.host(host).world().vms.is_empty(), "nothing runs on");
    world.use_session(hers);
    assert_eq!(world.call("GET", "/accounts", &Value::Null).await.expect_err("ended").error().code, "ID.1001");
}
