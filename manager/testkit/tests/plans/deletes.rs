//! The plan of a delete lists exactly the rows that the delete then removes, for every API that deletes.

use std::time::{Duration, Instant};

use cumulo_schema::{ApiKind, Uuid, system::AccountResourceRef};
use cumulo_testkit::{Cloud, World};
use serde_json::{Value, json};

use crate::rows::{gone, plan, removed, rows};

/// A cloud with a running VM, and one of everything else that can be deleted.
struct Full {
    world: World,
    cloud: Cloud,
    vm: String,
}

fn id(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

/// The call that only plans it.
fn dry(path: &str) -> String {
    format!("{path}{}dryRun=true", if path.contains('?') { '&' } else { '?' })
}

impl Full {
    async fn new() -> Self {
        let world = World::new().await;
        let cloud = world.cloud().await;
        let mut body = cloud.vm("vm");
        body["params"]["systemTags"] = json!(["hostname::web-1"]);
        body["params"]["userTags"] = json!(["it's mine"]);
        let vm = id(&world.make("POST", "/vm-instances", body).await);
        Self { world, cloud, vm }
    }

    /// What the plan of deleting `path` says goes, which must be what goes.
    async fn delete(&self, path: &str, expected: &[&str]) {
        let planned = plan(&self.world, "DELETE", &dry(path), &Value::Null).await;
        assert!(planned.vetoes.is_empty(), "{path}: {:?}", planned.vetoes);
        let before = rows(self.world.kernel()).await;
        self.world.call("DELETE", path, &Value::Null).await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let went = gone(&before, &rows(self.world.kernel()).await);
        assert_eq!(removed(&planned), went, "the plan of {path} and what went");
        for kind in expected {
            assert!(went.contains_key(*kind), "{path} took no {kind}");
        }
    }

    async fn make(&self, path: &str, params: Value) -> String {
        id(&self.world.make("POST", path, json!({ "params": params })).await)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone() {
    let full = Full::new().await;
    let expected = [
        "ZoneVO",
        "ClusterVO",
        "HostVO",
        "KVMHostVO",
        "PrimaryStorageVO",
        "PrimaryStorageClusterRefVO",
        "LocalStorageHostRefVO",
        "LocalStorageResourceRefVO",
        "ImageCacheVO",
        "StorageReservationVO",
        "HostReservationVO",
        "L2NetworkVO",
        "L2NetworkClusterRefVO",
        "L3NetworkVO",
        "IpRangeVO",
        "UsedIpVO",
        "VmInstanceVO",
        "VmNicVO",
        "VolumeVO",
        "SystemTagVO",
        "UserTagVO",
        "AccountResourceRefVO",
        "BackupStorageZoneRefVO",
        "AgentVO",
    ];
    full.delete(&format!("/zones/{}", full.cloud.zone), &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let full = Full::new().await;
    full.delete(&format!("/clusters/{}", full.cloud.cluster), &["ClusterVO", "HostVO", "L2NetworkClusterRefVO"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host() {
    let full = Full::new().await;
    let expected = ["HostVO", "KVMHostVO", "AgentVO", "LocalStorageHostRefVO", "ImageCacheVO"];
    full.delete(&format!("/hosts/{}", full.cloud.host), &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_storage() {
    let full = Full::new().await;
    let Cloud { cluster, primary_storage, .. } = &full.cloud;
    let path = format!("/clusters/{cluster}/primary-storage/{primary_storage}");
    full.world.call("DELETE", &path, &Value::Null).await.expect("detached");
    let expected = ["PrimaryStorageVO", "VmInstanceVO", "VolumeVO", "VmNicVO", "UsedIpVO"];
    full.delete(&format!("/primary-storage/{primary_storage}"), &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_storage_and_images() {
    let full = Full::new().await;
    let Cloud { image, backup_storage, .. } = &full.cloud;
    full.delete(&format!("/images/{image}"), &[]).await;
    let setting = json!({ "updateGlobalConfig": { "value": "Direct" } });
    let recover = json!({ "recoverImage": {} });
    full.world.make("PUT", &format!("/images/{image}/actions"), recover).await;
    full.world.make("PUT", "/global-configurations/image/deletionPolicy/actions", setting).await;
    full.delete(&format!("/images/{image}"), &["ImageVO", "ImageBackupStorageRefVO"]).await;
    full.delete(&format!("/backup-storage/{backup_storage}"), &["BackupStorageVO", "AgentVO"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks() {
    let full = Full::new().await;
    let l3 = full.make("/l3-networks", json!({ "name": "other", "l2NetworkUuid": full.cloud.l2 })).await;
    let range = json!({ "name": "r", "startIp": "10.1.0.10", "endIp": "10.1.0.20", "netmask": "255.255.255.0", "gateway": "10.1.0.1" });
    let range = full.make(&format!("/l3-networks/{l3}/ip-ranges"), range).await;
    let reserve = json!({ "startIp": "10.1.0.11", "endIp": "10.1.0.12" });
    let reserved = full.make(&format!("/l3-networks/{l3}/reserved-ip-ranges"), reserve).await;
    full.delete(&format!("/l3-networks/reserved-ip-ranges/{reserved}"), &["ReservedIpRangeVO"]).await;
    full.delete(&format!("/l3-networks/ip-ranges/{range}"), &["IpRangeVO"]).await;
    let (dns, route) = (json!({ "dns": "8.8.8.8" }), json!({ "prefix": "10.7.0.0/16", "nexthop": "10.1.0.1" }));
    full.world.make("POST", &format!("/l3-networks/{l3}/dns"), json!({ "params": dns })).await;
    full.world.make("POST", &format!("/l3-networks/{l3}/hostroute"), json!({ "params": route })).await;
    full.delete(&format!("/l3-networks/{l3}/dns/8.8.8.8"), &["L3NetworkDnsVO"]).await;
    full.delete(&format!("/l3-networks/{}", full.cloud.l3), &["L3NetworkVO", "IpRangeVO", "VmNicVO", "UsedIpVO"]).await;
    full.delete(&format!("/l2-networks/{}", full.cloud.l2), &["L2NetworkVO", "L3NetworkVO", "L2NetworkClusterRefVO"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_with_what_it_owns() {
    let full = Full::new().await;
    let password = "a".repeat(128);
    let account = full.make("/accounts", json!({ "name": "alice", "password": password })).await;
    let login = json!({ "logInByAccount": { "accountName": "alice", "password": password } });
    full.world.call("PUT", "/accounts/login", &login).await.expect("logged in");
    let disk: Uuid =
        full.make("/disk-offerings", json!({ "name": "hers", "diskSize": 1 << 30 })).await.parse().expect("a uuid");
    let mut batch = full.world.kernel().db().batch();
    let hers: Uuid = account.parse().expect("a uuid");
    batch
        .update::<AccountResourceRef>()
        .set(AccountResourceRef::ACCOUNT_UUID, &hers)
        .eq(AccountResourceRef::RESOURCE_UUID, &disk)
        .expect("there");
    full.world.kernel().db().commit(batch).await.expect("given");
    let mut keys = Vec::new();
    for name in ["first", "second"] {
        let of_hers = json!({ "accountUuid": account, "userUuid": account, "description": name });
        keys.push(full.make("/accesskeys", of_hers).await);
    }
    full.delete(&format!("/accesskeys/{}", keys[0]), &["AccessKeyVO"]).await;
    let expected = ["AccountVO", "SessionVO", "AccessKeyVO", "QuotaVO", "DiskOfferingVO", "AccountResourceRefVO"];
    full.delete(&format!("/accounts/{account}"), &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_small() {
    let full = Full::new().await;
    let disk = full.make("/disk-offerings", json!({ "name": "d", "diskSize": 1 << 30 })).await;
    let on_vm = json!({ "resourceType": "VmInstanceVO", "resourceUuid": full.vm, "tag": "t" });
    let tag = full.make("/user-tags", on_vm).await;
    full.delete(&format!("/tags/{tag}"), &["UserTagVO"]).await;
    let path = format!("/resource-configurations/kvm/reservedMemory/{}", full.cloud.zone);
    let say = json!({ "updateResourceConfig": { "value": "2G" } });
    full.world.make("PUT", &format!("{path}/actions"), say).await;
    full.delete(&path, &["ResourceConfigVO"]).await;
    full.delete(&format!("/disk-offerings/{disk}"), &["DiskOfferingVO"]).await;
    full.delete(&format!("/instance-offerings/{}", full.cloud.offering), &["InstanceOfferingVO"]).await;
    let hook = json!({ "name": "h", "url": "http://127.0.0.1:9/", "type": "CanonicalEvent", "opaque": "/vm/state/*" });
    let hook = full.make("/web-hooks", hook).await;
    full.delete(&format!("/web-hooks/{hook}"), &["WebhookVO"]).await;
    full.delete(&format!("/vm-instances/{}", full.vm), &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vm_has() {
    let full = Full::new().await;
    let actions = format!("/vm-instances/{}/actions", full.vm);
    full.world.make("PUT", &actions, json!({ "stopVmInstance": {} })).await;
    let nics = full.world.query(&format!("/vm-instances/nics?q=vmInstanceUuid={}", full.vm)).await;
    let l3 = nics[0]["l3NetworkUuid"].as_str().expect("a network");
    let claim = json!({ "setVmStaticIp": { "l3NetworkUuid": l3, "ip": nics[0]["ip"] } });
    full.world.call("PUT", &actions, &claim).await.expect("claimed");
    let path = format!("/vm-instances/{}/static-ips?l3NetworkUuid={l3}", full.vm);
    full.delete(&path, &["SystemTagVO"]).await;
    full.delete(&format!("/vm-instances/{}/hostnames", full.vm), &["SystemTagVO"]).await;
    full.world.call("PUT", &actions, &json!({ "setVmBootMode": { "bootMode": "UEFI" } })).await.expect("set");
    full.delete(&format!("/vm-instances/{}/bootmode", full.vm), &["SystemTagVO"]).await;
    let drives = full.world.query(&format!("/vm-instances/cdroms?q=vmInstanceUuid={}", full.vm)).await;
    full.delete(&format!("/vm-instances/cdroms/{}", id(&drives[0])), &["VmCdRomVO"]).await;
    full.delete(&format!("/nics/{}", id(&nics[0])), &["VmNicVO", "UsedIpVO"]).await;
    let loose = full.make("/nics", json!({ "l3NetworkUuid": l3 })).await;
    full.delete(&format!("/nics/{loose}"), &["VmNicVO", "UsedIpVO", "AccountResourceRefVO"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_job_that_ended() {
    let full = Full::new().await;
    let data = json!({ "uuid": full.vm, "description": "by a long job" }).to_string();
    let long = full.make("/longjobs", json!({ "jobName": "APIUpdateVmInstanceMsg", "jobData": data })).await;
    let path = format!("/longjobs/{long}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while full.world.query(&path).await[0]["state"] != "Succeeded" {
        assert!(Instant::now() < deadline, "the long job did not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    full.delete(&path, &["LongJobVO", "AccountResourceRefVO"]).await;
}

/// The APIs of the kind *delete* that the tests above compare.
const COMPARED: [&str; 24] = [
    "DeleteAccessKey",
    "DeleteAccount",
    "DeleteBackupStorage",
    "DeleteCluster",
    "DeleteDiskOffering",
    "DeleteHost",
    "DeleteImage",
    "DeleteInstanceOffering",
    "DeleteIpRange",
    "DeleteL2Network",
    "DeleteL3Network",
    "DeleteLongJob",
    "DeletePrimaryStorage",
    "DeleteReservedIpRange",
    "DeleteResourceConfig",
    "DeleteTag",
    "DeleteVmBootMode",
    "DeleteVmCdRom",
    "DeleteVmHostname",
    "DeleteVmNic",
    "DeleteVmStaticIp",
    "DeleteWebhook",
    "DeleteZone",
    "DestroyVmInstance",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_delete_is_left_out() {
    let world = World::new().await;
    let deletes = world.kernel().supported_apis().into_iter().filter(|api| api.kind == ApiKind::Delete);
    let missing: Vec<&str> = deletes.map(|api| api.name).filter(|name| !COMPARED.contains(name)).collect();
    assert!(missing.is_empty(), "no test compares the plan of {missing:?} with what goes");
}
