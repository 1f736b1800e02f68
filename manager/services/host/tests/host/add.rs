//! Adding hosts.
//!
//! flow failed everywhere: add-host

use cumulo_contracts::resource::KVMHost;
use cumulo_schema::{Uuid, system::SystemTag};
use serde_json::{Value, json};

use crate::fixture::{GIB, World, uuid};

#[tokio::test]
async fn a_host_is_added_with_its_capacity_and_its_tags() {
    let world = World::new().await;
    let host = world.try_add("10.0.0.1").await.expect("added");
    assert_eq!(host["status"], "Connected");
    assert_eq!(host["state"], "Enabled");
    assert_eq!(host["hypervisorType"], "KVM");
    assert_eq!(host["zoneUuid"], world.zone.to_string());
    assert_eq!(host["totalCpuCapacity"], 40);
    assert_eq!(host["availableCpuCapacity"], 40);
    assert_eq!(host["totalMemoryCapacity"], 16 * GIB);
    assert_eq!(host["availableMemoryCapacity"], 15 * GIB, "a GiB is kept for the host");
    assert_eq!(host["osDistribution"], "debian");
    assert_eq!(host["username"], "root");
    let tags = world.node.kernel().db().select::<SystemTag>().all().await.expect("read");
    let tags: Vec<_> = tags.iter().map(|tag| (tag.resource_uuid, tag.tag.as_str(), tag.inherent)).collect();
    assert_eq!(tags, [(uuid(&host), "libvirt::version::9.0.0", true)]);
    assert!(world.machines.state().prepared.contains(&uuid(&host)));
}

#[tokio::test]
async fn the_password_is_sealed_and_shown_to_nobody() {
    let world = World::new().await;
    let host = world.try_add("10.0.0.1").await.expect("added");
    assert!(!host.to_string().contains("pa55word") && host.get("password").is_none(), "{host}");
    let row = world.node.kernel().db().find(KVMHost::UUID, &uuid(&host)).await.expect("read").expect("there");
    assert!(!row.password.contains("pa55word"));
    assert_eq!(world.node.kernel().vault().unseal(&row.password).expect("ours"), "pa55word");
}

#[tokio::test]
async fn a_host_that_cannot_be_connected_is_not_there() {
    let world = World::new().await;
    world.machines.state().refuses = Some("10.0.0.1 refuses SSH on port 22; check that sshd runs there");
    let error = world.try_add("10.0.0.1").await.expect_err("it refuses");
    assert_eq!(error.code, "HOST.1000");
    assert_eq!(error.details, "10.0.0.1 refuses SSH on port 22; check that sshd runs there");
    world.assert_empty("refused").await;

    world.machines.state().refuses = None;
    world.machines.state().unprepared = Some("no room for the image cache in /vms; free some");
    let error = world.try_add("10.0.0.1").await.expect_err("it cannot be prepared");
    assert!(error.details.contains("no room"), "{error}");
    world.assert_empty("unprepared").await;

    world.machines.state().unprepared = None;
    world.add("10.0.0.1").await;
}

#[tokio::test]
async fn adding_that_fails_anywhere_leaves_nothing() {
    let world = World::new().await;
    world
        .node
        .fail_everywhere(
            async || world.try_add("10.0.0.1").await,
            async |outcome, place| {
                if let Ok(host) = outcome {
                    let path = format!("/hosts/{}", uuid(&host));
                    world.node.call("DELETE", &path, Value::Null).await.expect("deleted");
                }
                world.assert_empty(place).await;
            },
        )
        .await;
}

#[tokio::test]
async fn one_machine_is_one_host_and_one_id_is_one_host() {
    let world = World::new().await;
    let first = world.add("10.0.0.1").await;
    let (a, b) = tokio::join!(world.try_add("10.0.0.1"), world.try_add("10.0.0.1"));
    for refused in [a, b] {
        let error = refused.expect_err("the address is taken");
        assert!(error.details.contains("10.0.0.1 already"), "{error}");
    }
    let mut params = world.params("10.0.0.2");
    params["resourceUuid"] = json!(first);
    let taken = world.node.inventory("POST", "/hosts/kvm", json!({ "params": params })).await;
    assert_eq!(taken.expect_err("the id is taken").code, "SYS.1002");
    assert_eq!(world.host(first).await["status"], "Connected", "the first one is as it was");
}

#[tokio::test]
async fn of_two_additions_of_one_machine_at_once_one_wins() {
    let world = World::new().await;
    let (a, b) = tokio::join!(world.try_add("10.0.0.1"), world.try_add("10.0.0.1"));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert_eq!(world.node.query("/hosts").await.len(), 1);
}

#[tokio::test]
async fn an_unknown_cluster_or_tag_is_refused() {
    let world = World::new().await;
    let mut params = world.params("10.0.0.1");
    params["clusterUuid"] = json!(Uuid::random());
    let refused = world.node.call("POST", "/hosts/kvm", json!({ "params": params })).await;
    assert_eq!(refused.expect_err("no such cluster").code, "SYS.1003");
    let body = json!({ "params": world.params("10.0.0.1"), "systemTags": ["reservedMemory::lots"] });
    let refused = world.node.call("POST", "/hosts/kvm", body).await.expect_err("no size");
    assert!(refused.details.contains("a size like"), "{refused}");
    world.assert_empty("refused").await;

    let body = json!({ "params": world.params("10.0.0.1"), "systemTags": ["reservedMemory::4G"] });
    let host = world.node.inventory("POST", "/hosts/kvm", body).await.expect("added");
    assert_eq!(host["availableMemoryCapacity"], 12 * GIB);
}
