//! Packages of hosts.
//!
//! flow failed everywhere: update-host-os

use cumulo_contracts::{
    ext::hypervisor::OsUpdate,
    message::host::UpdateHostOs,
    resource::{Host, HostStatus},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::json;

use crate::fixture::{GIB, World, needs};

impl World {
    async fn update(&self, host: Uuid, flow: Uuid, force: bool) -> Result<(), ErrorCode> {
        let update = OsUpdate { packages: vec!["vim".to_owned()], ..OsUpdate::default() };
        self.node.kernel().bus().call(UpdateHostOs { host, flow, update, force }).await
    }

    /// Hosts that were updated, in no order.
    fn updated(&self) -> Vec<Uuid> {
        self.machines.state().updates.values().map(|(host, _)| *host).collect()
    }
}

#[tokio::test]
async fn a_host_is_updated_once_and_is_then_what_it_was() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    let flow = Uuid::random();
    for _ in 0..2 {
        world.update(host, flow, false).await.expect("updated");
    }
    assert_eq!((world.updated(), &world.host(host).await["state"]), (vec![host], &json!("Enabled")));
    assert_eq!(world.machines.state().updates.values().next().expect("one").1.packages, ["vim"]);

    for event in ["disable", "maintain"] {
        let path = format!("/hosts/{host}/actions");
        let body = json!({ "changeHostState": { "stateEvent": event } });
        let before = world.node.inventory("PUT", &path, body).await.expect("changed")["state"].clone();
        world.update(host, Uuid::random(), false).await.expect("updated");
        assert_eq!(world.host(host).await["state"], before, "{event}");
    }
    assert_eq!(world.updated(), [host; 3]);
}

#[tokio::test]
async fn a_host_with_vms_is_updated_only_where_somebody_insists() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.allocate(Uuid::random(), needs(1, GIB)).await.expect("there is room");
    let refused = world.update(host, Uuid::random(), false).await.expect_err("a VM runs there");
    assert!(refused.details.starts_with("1 VM on host") && refused.details.contains("force=true"), "{refused}");
    assert_eq!((world.updated(), &world.host(host).await["state"]), (vec![], &json!("Enabled")));
    world.update(host, Uuid::random(), true).await.expect("updated");
    assert_eq!((world.updated(), &world.host(host).await["state"]), (vec![host], &json!("Enabled")));
}

#[tokio::test]
async fn a_host_that_cannot_be_updated_is_left_as_it_was() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.machines.state().unmendable = Some("apt-get could not update packages: no space");
    let failed = world.update(host, Uuid::random(), false).await.expect_err("it fails");
    assert!(failed.details.contains("no space"), "{failed}");
    assert_eq!(world.host(host).await["state"], "Enabled");
    world.machines.state().unmendable = None;

    let mut batch = world.node.kernel().db().batch();
    let status = batch.update::<Host>();
    let column = Host::STATUS;
    status.set(column, &HostStatus::Disconnected).eq(Host::UUID, &host).any();
    world.node.kernel().db().commit(batch).await.expect("updated");
    world.machines.state().updates.clear();
    let refused = world.update(host, Uuid::random(), false).await.expect_err("it is away");
    assert!(refused.details.contains("Disconnected"), "{refused}");
    assert!(world.updated().is_empty());
    assert_eq!(world.update(Uuid::random(), Uuid::random(), false).await.expect_err("no host").code, "SYS.1003");
}

#[tokio::test]
async fn an_update_that_fails_anywhere_leaves_the_host_taking_vms() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world
        .node
        .fail_everywhere(
            async || world.update(host, Uuid::random(), false).await,
            async |_, place| assert_eq!(world.host(host).await["state"], "Enabled", "{place}"),
        )
        .await;
}
