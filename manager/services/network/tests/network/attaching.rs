//! L2 networks on clusters and hosts.

use std::sync::Arc;

use cumulo_contracts::{
    ext::host::{HostCandidate, HostFilter, HostRequest, OnHostConnected},
    message::network::PrepareNetworks,
    resource::{HostStatus, L2NetworkClusterRef},
};
use cumulo_schema::{Uuid, system::GarbageCollector};
use serde_json::Value;

use crate::{fakes::FailStep, world::World};

const STEPS: [&str; 3] = ["check-not-attached", "record-attachment", "ensure-on-hosts"];

#[tokio::test]
async fn an_attached_network_is_on_connected_hosts_and_on_others_when_they_connect() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let here = world.host(cluster, HostStatus::Connected).await;
    let away = world.host(cluster, HostStatus::Disconnected).await;
    let stranger = world.host(world.cluster().await, HostStatus::Connected).await;
    let l2 = world.l2("eth0").await;
    let inventory = world.attach(l2, cluster).await.expect("attached");
    assert_eq!(inventory["attachedClusterUuids"][0], cluster.to_string());
    assert_eq!([here, away, stranger].map(|host| world.bridges.on(host)), [1, 0, 0]);
    for observer in world.kernel().registry().all::<dyn OnHostConnected>() {
        observer.host_connected(away).await.expect("made");
    }
    assert_eq!(world.bridges.on(away), 1);
}

#[tokio::test]
async fn an_interface_of_a_cluster_has_one_network() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let (one, rival, other) = (world.l2("eth0").await, world.l2("eth0").await, world.l2("eth1").await);
    world.attach(one, cluster).await.expect("attached");
    assert!(world.attach(one, cluster).await.expect_err("refused").details.contains("already"));
    assert!(world.attach(rival, cluster).await.expect_err("refused").details.contains("eth0"));
    world.attach(other, cluster).await.expect("attached");
    assert_eq!(world.count::<L2NetworkClusterRef>().await, 2);
}

#[tokio::test]
async fn of_two_rivals_at_once_one_is_attached() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let (one, other) = (world.l2("eth0").await, world.l2("eth0").await);
    let outcomes = tokio::join!(world.attach(one, cluster), world.attach(other, cluster));
    assert!(outcomes.0.is_ok() != outcomes.1.is_ok(), "{outcomes:?}");
    assert_eq!(world.count::<L2NetworkClusterRef>().await, 1);
}

#[tokio::test]
async fn a_host_that_cannot_undoes_the_attachment_everywhere() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let good = world.host(cluster, HostStatus::Connected).await;
    let bad = world.host(cluster, HostStatus::Connected).await;
    world.bridges.break_host(bad);
    let l2 = world.l2("eth0").await;
    let error = world.attach(l2, cluster).await.expect_err("one host cannot");
    assert!(error.details.contains("could not be made on host"), "{error}");
    assert_eq!(world.bridges.on(good), 0);
    assert_eq!(world.count::<L2NetworkClusterRef>().await, 0);
    // What could not be taken off the bad host is owed.
    assert_eq!(world.count::<GarbageCollector>().await, 1);
}

#[tokio::test]
async fn an_attachment_that_fails_at_any_step_leaves_nothing() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let host = world.host(cluster, HostStatus::Connected).await;
    let l2 = world.l2("eth0").await;
    let probe = Arc::new(FailStep::default());
    assert!(world.kernel().faults().install(probe.clone()).is_ok());
    for (step, after) in STEPS.iter().flat_map(|step| [(step, false), (step, true)]) {
        probe.arm(step, after);
        world.attach(l2, cluster).await.expect_err("the test fails it");
        assert_eq!(world.bridges.on(host), 0, "{step} {after}");
        assert_eq!(world.count::<L2NetworkClusterRef>().await, 0, "{step} {after}");
    }
    probe.disarm();
    world.attach(l2, cluster).await.expect("attached");
    assert_eq!(world.bridges.on(host), 1);
}

#[tokio::test]
async fn detaching_stops_the_vms_on_it_and_takes_it_off() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let host = world.host(cluster, HostStatus::Connected).await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    world.attach(l2, cluster).await.expect("attached");
    let path = format!("/l2-networks/{l2}/clusters/{cluster}");
    let vm = world.vm(cluster, host, l3).await;
    world.guests.stick(true);
    let refused = world.node.inventory("DELETE", &path, Value::Null).await.expect_err("the VM does not stop");
    assert!(refused.details.contains("does not stop"), "{refused}");
    assert_eq!(world.bridges.on(host), 1);
    world.guests.stick(false);
    for _ in 0..2 {
        let left = world.node.inventory("DELETE", &path, Value::Null).await.expect("detached, or detached already");
        assert_eq!(left["attachedClusterUuids"].as_array().map(Vec::len), Some(0));
    }
    assert_eq!(world.bridges.on(host), 0);
    assert_eq!(world.guests.stopped(), [vm], "asked once: then it was down");
}

#[tokio::test]
async fn a_host_that_is_away_gets_it_taken_off_later() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let host = world.host(cluster, HostStatus::Connected).await;
    let l2 = world.l2("eth0").await;
    world.attach(l2, cluster).await.expect("attached");
    world.set_status(host, HostStatus::Disconnected).await;
    world.bridges.break_host(host);
    world.node.inventory("DELETE", &format!("/l2-networks/{l2}/clusters/{cluster}"), Value::Null).await.expect("gone");
    let debts = world.kernel().debts().of_resource(l2).await.expect("read");
    assert_eq!(debts.len(), 1);
    world.kernel().trigger_debt(debts[0].uuid).await.expect_err("still away");
    world.bridges.mend_host(host);
    world.kernel().trigger_debt(debts[0].uuid).await.expect("paid");
    assert_eq!(world.bridges.on(host), 0);
}

#[tokio::test]
async fn a_host_whose_cluster_lacks_a_network_is_refused_with_its_name() {
    let world = World::start().await;
    let (with, without) = (world.cluster().await, world.cluster().await);
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    world.attach(l2, with).await.expect("attached");
    let candidate = |cluster| HostCandidate {
        host: Uuid::random(),
        name: "H".to_owned(),
        cluster,
        zone: world.zone,
        hypervisor_type: "KVM".to_owned(),
    };
    let candidates = [candidate(with), candidate(without)];
    let filter = &world.kernel().registry().all::<dyn HostFilter>()[0];
    let request = HostRequest { l3s: vec![l3], ..HostRequest::default() };
    let refused = filter.refused(&request, &candidates).await.expect("answered");
    assert_eq!(refused.len(), 1);
    assert!(refused[&candidates[1].host].contains(&l3.to_string()), "{refused:?}");
    let none = filter.refused(&HostRequest::default(), &candidates).await.expect("answered");
    assert!(none.is_empty(), "a VM without NICs goes anywhere");
    let unknown = HostRequest { l3s: vec![Uuid::random()], ..HostRequest::default() };
    assert_eq!(filter.refused(&unknown, &candidates).await.expect_err("unknown").code, "SYS.1003");
}

#[tokio::test]
async fn before_a_start_the_networks_are_there() {
    let world = World::start().await;
    let cluster = world.cluster().await;
    let host = world.host(cluster, HostStatus::Connected).await;
    let l2 = world.l2("eth0").await;
    let (one, two) = (world.l3(l2).await, world.l3(l2).await);
    let ask = PrepareNetworks { host, l3s: vec![one, two], task: Uuid::random() };
    let ready = world.kernel().bus().call(ask).await.expect("ready");
    assert_eq!(ready.iter().map(|network| network.l3).collect::<Vec<_>>(), [one, two]);
    assert!(ready.iter().all(|network| network.bridge == "br_eth0" && network.l2 == l2));
    assert_eq!(world.bridges.on(host), 1);
}
