//! Packages of hosts.
//!
//! flow failed everywhere: update-host-os

use cumulo_contracts::{
    ext::hypervisor::OsUpdate,
    message::host::UpdateHostOs,
    resource::{Host, HostStatus},
};
use cumulo_schema::{ErrorCode, Uuid, codes};
use serde_json::{Value, json};

use crate::fixture::{GIB, World, eventually, needs};

impl World {
    async fn update(&self, host: Uuid, flow: Uuid, force: bool) -> Result<(), ErrorCode> {
        let update = OsUpdate { packages: vec!["vim".to_owned()], ..OsUpdate::default() };
        self.node.kernel().bus().call(UpdateHostOs { host, flow, update, force }).await
    }

    /// The hosts whose drivers were asked to update them, in that order.
    fn updated(&self) -> Vec<Uuid> {
        self.machines.state().updates.iter().map(|(host, ..)| *host).collect()
    }

    async fn change(&self, host: Uuid, event: &str) -> Result<Value, ErrorCode> {
        let body = json!({ "changeHostState": { "stateEvent": event } });
        self.node.inventory("PUT", &format!("/hosts/{host}/actions"), body).await
    }
}

/// As an agent that was not heard of in time, which may go on.
fn undecided() -> ErrorCode {
    ErrorCode::new(codes::HOST_CONNECTION, "the agent does not answer")
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
    assert_eq!(world.machines.state().updates[0].2.packages, ["vim"]);

    for event in ["disable", "maintain"] {
        let before = world.change(host, event).await.expect("changed")["state"].clone();
        world.update(host, Uuid::random(), false).await.expect("updated");
        assert_eq!(world.host(host).await["state"], before, "{event}");
    }
    assert_eq!(world.updated(), [host; 3]);
    assert!(world.machines.state().settled.is_empty(), "what ended well is known to have");
}

#[tokio::test]
async fn a_host_with_vms_is_updated_only_where_somebody_insists() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.allocate(Uuid::random(), needs(1, GIB)).await.expect("there is room");
    let refused = world.update(host, Uuid::random(), false).await.expect_err("a VM runs there");
    assert!(refused.details.starts_with("1 VM on host") && refused.details.contains("force=true"), "{refused}");
    assert_eq!((world.updated(), &world.host(host).await["state"]), (vec![], &json!("Enabled")));
    assert!(world.machines.state().settled.is_empty(), "nothing was begun");
    world.update(host, Uuid::random(), true).await.expect("updated");
    assert_eq!((world.updated(), &world.host(host).await["state"]), (vec![host], &json!("Enabled")));
}

#[tokio::test]
async fn a_host_that_cannot_be_updated_is_left_as_it_was() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.machines.state().unmendable = Some(ErrorCode::operation("apt-get could not update packages: no space"));
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
async fn a_host_takes_no_vms_before_its_update_is_known_to_have_ended() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.machines.state().unmendable = Some(undecided());
    let failed = world.update(host, Uuid::random(), false).await.expect_err("nobody knows");
    assert!(failed.details.contains("does not answer"), "{failed}");
    assert_eq!(world.host(host).await["state"], "Enabled", "it was asked, and had ended");
    {
        let mut state = world.machines.state();
        let task = state.updates[0].1;
        assert_eq!(state.settled, [task], "asked for that task and no other");
        state.goes_on = true;
    }

    world.update(host, Uuid::random(), false).await.expect_err("nobody knows");
    world.allocate(Uuid::random(), needs(1, GIB)).await.expect_err("its packages are being changed");
    assert_eq!(world.host(host).await["state"], "PreMaintenance");
    for event in ["enable", "maintain"] {
        let refused = world.change(host, event).await.expect_err("it is the update's");
        assert!(refused.details.contains("are being updated"), "{refused}");
    }
    let again = world.update(host, Uuid::random(), false).await.expect_err("one update after the other");
    assert!(again.details.contains("are being updated"), "{again}");
    let kernel = world.node.kernel();
    let debts = kernel.debts().of_resource(host).await.expect("readable");
    assert_eq!(debts.len(), 1, "the undo is owed");
    kernel.trigger_debt(debts[0].uuid).await.expect_err("it goes on");
    assert_eq!(world.host(host).await["state"], "PreMaintenance");

    world.machines.state().goes_on = false;
    kernel.trigger_debt(debts[0].uuid).await.expect("it has ended");
    assert_eq!(world.host(host).await["state"], "Enabled");
    let state = world.machines.state();
    let task = state.updates.last().expect("asked").1;
    assert!(state.settled[1..].iter().all(|asked| *asked == task), "{:?}", state.settled);
}

#[tokio::test]
async fn a_host_in_maintenance_stays_there_while_it_is_updated() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.change(host, "maintain").await.expect("maintained");
    {
        let mut state = world.machines.state();
        (state.unmendable, state.goes_on) = (Some(undecided()), true);
    }
    world.update(host, Uuid::random(), false).await.expect_err("nobody knows");
    let refused = world.change(host, "enable").await.expect_err("it is the update's");
    assert!(refused.details.contains("are being updated"), "{refused}");
    assert_eq!(world.change(host, "maintain").await.expect("it is")["state"], "Maintenance");
    world.machines.state().goes_on = false;
    let debts = world.node.kernel().debts().of_resource(host).await.expect("readable");
    world.node.kernel().trigger_debt(debts[0].uuid).await.expect("it has ended");
    assert_eq!(world.host(host).await["state"], "Maintenance");
    assert_eq!(world.change(host, "enable").await.expect("nobody's")["state"], "Enabled");
}

#[tokio::test]
async fn a_host_on_its_way_into_maintenance_is_not_updated_and_goes_on_its_way() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    world.allocate(Uuid::random(), needs(1, GIB)).await.expect("there is room");
    let held = world.machines.state().slow_to_stop.insert(std::sync::Arc::default()).clone();
    let maintained = tokio::join!(world.change(host, "maintain"), async {
        eventually("the host to be closed", async || world.host(host).await["state"] == "PreMaintenance").await;
        let refused = world.update(host, Uuid::random(), true).await.expect_err("it is being emptied");
        assert!(refused.details.contains("on its way into maintenance"), "{refused}");
        assert_eq!(world.host(host).await["state"], "PreMaintenance", "as who empties it left it");
        held.notify_one();
    });
    assert_eq!(maintained.0.expect("emptied")["state"], "Maintenance");
    assert!(world.updated().is_empty());
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
