//! Tags and settings that decide what a host offers: the nearest word counts.

use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use crate::fixture::{GIB, World};

impl World {
    async fn tag(&self, kind: &str, resource: Uuid, tag: &str) {
        let tag = cumulo_kernel::ownership::system_tag(kind, resource, tag, false);
        let mut batch = self.node.kernel().db().batch();
        batch.insert(&tag);
        self.node.kernel().db().commit(batch).await.expect("tagged");
    }

    async fn say(
        &self,
        kind: &'static cumulo_schema::ResourceMeta,
        resource: Uuid,
        value: &str,
    ) -> Result<(), ErrorCode> {
        let value = cumulo_kernel::config::NewValue { category: "kvm", name: "reservedMemory", value };
        self.node.kernel().resource_configs().set(kind, resource, &[value]).await.map(drop)
    }

    /// What VMs can have on the host, counted anew, in bytes.
    async fn offered(&self, host: Uuid) -> i64 {
        let reconnect = json!({ "reconnectHost": {} });
        self.node.call("PUT", &format!("/hosts/{host}/actions"), reconnect).await.expect("reconnected");
        self.host(host).await["availableMemoryCapacity"].as_i64().expect("a number")
    }
}

#[tokio::test]
async fn reserved_memory_is_said_by_tags_of_host_cluster_or_zone() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    assert_eq!(world.offered(host).await, 15 * GIB, "a sixteenth, by the setting");
    world.tag("ZoneVO", world.zone, "reservedMemory::4G").await;
    assert_eq!(world.offered(host).await, 12 * GIB);
    world.tag("ClusterVO", world.cluster, "host::reservedMemory::3G").await;
    assert_eq!(world.offered(host).await, 13 * GIB);
    world.tag("HostVO", host, "reservedMemory::2G").await;
    assert_eq!(world.offered(host).await, 14 * GIB);
}

#[tokio::test]
async fn a_setting_is_inherited_and_the_nearest_word_counts() {
    use cumulo_contracts::resource::{Cluster, Host, VmInstance, Zone};
    use cumulo_schema::Resource;

    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.say(Zone::META, world.zone, "512M").await.expect("said");
    assert_eq!(world.offered(host).await, 16 * GIB - GIB / 2);
    world.say(Cluster::META, world.cluster, "1536M").await.expect("said");
    assert_eq!(world.offered(host).await, 16 * GIB - 3 * GIB / 2);
    let configs = world.node.kernel().resource_configs();
    let effective = configs.effective("kvm", "reservedMemory", Host::META, host).await.expect("answered");
    let said: Vec<&str> = effective.said.iter().map(|said| said.resource_type.as_str()).collect();
    assert_eq!((effective.value.as_str(), said), ("1536M", vec!["ClusterVO", "ZoneVO"]));
    configs.reset("kvm", "reservedMemory", world.cluster).await.expect("taken back");
    assert_eq!(world.offered(host).await, 16 * GIB - GIB / 2);
    let refused = world.say(VmInstance::META, Uuid::random(), "1G").await.expect_err("not of VMs");
    assert!(refused.details.contains("HostVO, ClusterVO, ZoneVO"), "{refused}");
}

#[tokio::test]
async fn a_tag_that_is_no_size_is_refused_with_a_new_host() {
    let world = World::new().await;
    let mut params = world.params("10.0.0.1");
    params["systemTags"] = json!(["reservedMemory::much"]);
    let refused = world.node.inventory("POST", "/hosts/kvm", json!({ "params": params })).await.expect_err("no size");
    assert!(refused.details.contains("512M or 1G"), "{refused}");
    params["systemTags"] = json!(["3rd::billing"]);
    let refused = world.node.inventory("POST", "/hosts/kvm", json!({ "params": params })).await.expect_err("unknown");
    assert!(refused.details.contains("no system tag like"), "nobody declares it on this node: {refused}");
    assert_eq!(world.node.query("/hosts").await, Vec::<Value>::new());
}
