//! The provider against hosts that only remember, on a real database.

mod fake;
mod world;

use std::{sync::Arc, time::Duration};

use cumulo_contracts::{
    ext::{
        host::{BeforeHostDelete, OnHostConnected},
        network::{NetworkServiceBackend, ServiceRequest},
    },
    resource::HostStatus,
};
use cumulo_schema::Uuid;

use crate::store::FlatNic;
use world::World;

const ALL: [&str; 3] = ["DHCP", "Userdata", "Eip"];

#[tokio::test]
async fn a_served_nic_is_told_its_address_and_network() {
    let world = World::start().await;
    world.add_route("10.9.0.0/16", "10.0.0.9").await;
    let request = world.request(1, &ALL);
    for _ in 0..2 {
        world.flat.serve(&request).await.expect("served");
    }
    let network = world.hosts.network(world.host, world.l3.uuid).expect("the network is there");
    assert_eq!(network.dhcp.server_ip, "10.0.0.2");
    assert_eq!(network.dhcp.prefix_len, 24);
    assert_eq!(network.dhcp.gateway, "10.0.0.1");
    assert_eq!(network.dhcp.bridge_name, "br_eth0");
    assert_eq!(network.dhcp.physical_interface, "eth0");
    assert_eq!(network.dhcp.domain, "example.com");
    assert_eq!(network.dhcp.dns, ["8.8.8.8"]);
    assert_eq!(network.dhcp.mtu, 1450);
    let routes: Vec<_> = network.dhcp.routes.iter().map(|route| (&*route.prefix, &*route.next_hop)).collect();
    assert_eq!(routes, [("10.9.0.0/16", "10.0.0.9")]);
    let entry = &network.entries[&request.nic.nic.to_string()];
    assert_eq!((entry.mac.as_str(), entry.ip.as_str(), entry.default_route), ("fa:00:00:00:00:01", "10.0.0.101", true));
    let told = &network.userdata[&request.vm.to_string()];
    assert_eq!(told.user_data, b"#!/bin/sh");
    assert_eq!(told.ssh_keys, request.ssh_keys);
    assert_eq!(world.rows().await.len(), 1);
}

#[tokio::test]
async fn services_that_hosts_do_not_serve_touch_no_host() {
    let world = World::start().await;
    let request = world.request(1, &["Eip"]);
    world.flat.serve(&request).await.expect("nothing to do");
    assert_eq!(world.hosts.calls(), 0);
    assert!(world.rows().await.is_empty());
}

#[tokio::test]
async fn user_data_without_dhcp_brings_the_network_without_leases() {
    let world = World::start().await;
    let request = world.request(1, &["Userdata"]);
    world.flat.serve(&request).await.expect("served");
    let network = world.hosts.network(world.host, world.l3.uuid).expect("the network is there");
    assert!(network.entries.is_empty());
    assert!(network.userdata.contains_key(&request.vm.to_string()));
}

#[tokio::test]
async fn the_last_nic_takes_the_network_along() {
    let world = World::start().await;
    let (one, two) = (world.request(1, &ALL), world.request(2, &ALL));
    world.flat.serve(&one).await.expect("served");
    world.flat.serve(&two).await.expect("served");
    for _ in 0..2 {
        world.flat.unserve(&one).await.expect("ended, or ended already");
    }
    let network = world.hosts.network(world.host, world.l3.uuid).expect("still there for the other");
    assert_eq!(network.entries.keys().collect::<Vec<_>>(), [&two.nic.nic.to_string()]);
    assert_eq!(network.userdata.keys().collect::<Vec<_>>(), [&two.vm.to_string()]);
    world.flat.unserve(&two).await.expect("ended");
    assert!(world.hosts.network(world.host, world.l3.uuid).is_none());
    assert!(world.rows().await.is_empty());
}

#[tokio::test]
async fn a_start_that_lost_its_answer_is_undone() {
    let world = World::start().await;
    let request = world.request(1, &ALL);
    for doing in [false, true] {
        world.hosts.fail_next(doing);
        world.flat.serve(&request).await.expect_err("the host fails");
        for _ in 0..2 {
            world.flat.unserve(&request).await.expect("undone");
        }
        assert!(world.hosts.network(world.host, world.l3.uuid).is_none());
        assert!(world.rows().await.is_empty());
    }
}

#[tokio::test]
async fn a_host_that_was_rebooted_serves_again() {
    let world = World::start().await;
    let (one, two) = (world.request(1, &ALL), world.request(2, &["DHCP"]));
    world.flat.serve(&one).await.expect("served");
    world.flat.serve(&two).await.expect("served");
    let before = world.hosts.network(world.host, world.l3.uuid).expect("served");
    world.hosts.reboot(world.host);
    world.flat.host_connected(world.host).await.expect("served again");
    let after = world.hosts.network(world.host, world.l3.uuid).expect("served again");
    assert_eq!((after.dhcp, after.entries, after.userdata), (before.dhcp, before.entries, before.userdata));
}

#[tokio::test]
async fn a_host_that_is_away_is_told_later() {
    let world = World::start().await;
    let request = world.request(1, &ALL);
    world.flat.serve(&request).await.expect("served");
    world.set_status(HostStatus::Disconnected).await;
    world.flat.unserve(&request).await.expect("owed");
    let debts = world.kernel().debts().of_resource(world.l3.uuid).await.expect("read");
    assert_eq!(debts.len(), 1);
    world.kernel().trigger_debt(debts[0].uuid).await.expect_err("still away");
    assert!(world.hosts.network(world.host, world.l3.uuid).is_some());
    world.set_status(HostStatus::Connected).await;
    world.kernel().trigger_debt(debts[0].uuid).await.expect("told");
    assert!(world.hosts.network(world.host, world.l3.uuid).is_none());
}

#[tokio::test]
async fn a_nic_that_moved_leaves_its_old_host() {
    let world = World::start().await;
    let request = world.request(1, &ALL);
    world.flat.serve(&request).await.expect("served");
    let other = world.add_host().await;
    let moved = ServiceRequest { host: other, task: Uuid::random(), ..request.clone() };
    world.flat.serve(&moved).await.expect("served");
    // The undo of the old start does not take the new place away.
    let debts = world.kernel().debts().of_resource(world.l3.uuid).await.expect("read");
    world.kernel().trigger_debt(debts[0].uuid).await.expect("told");
    assert!(world.hosts.network(world.host, world.l3.uuid).is_none());
    world.flat.unserve(&request).await.expect("nothing there any more");
    assert!(world.hosts.network(other, world.l3.uuid).is_some());
    assert_eq!(world.rows().await.iter().map(|row| row.host_uuid).collect::<Vec<_>>(), [other]);
}

#[tokio::test]
async fn a_changed_name_server_reaches_the_hosts() {
    let world = World::start().await;
    world.flat.serve(&world.request(1, &ALL)).await.expect("served");
    world.add_dns("9.9.9.9").await;
    world.flat.refresh(&world.l3).await.expect("told");
    let network = world.hosts.network(world.host, world.l3.uuid).expect("there");
    assert_eq!(network.dhcp.dns, ["8.8.8.8", "9.9.9.9"]);
    assert_eq!(network.entries.len(), 1);
}

#[tokio::test]
async fn an_address_is_held_while_a_service_needs_it() {
    let world = World::start().await;
    let services = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    world.flat.prepare(&world.l3, &services(&["Eip"])).await.expect("nothing to take");
    assert!(!world.addresses.held());
    for needing in ["DHCP", "Userdata"] {
        for _ in 0..2 {
            world.flat.prepare(&world.l3, &services(&["Eip", needing])).await.expect("taken, or taken already");
            assert!(world.addresses.held(), "for {needing}");
        }
        world.flat.prepare(&world.l3, &services(&["Eip"])).await.expect("given back");
        assert!(!world.addresses.held());
    }
    assert_eq!(world.hosts.calls(), 0);
}

#[tokio::test]
async fn a_forgotten_network_gives_everything_back() {
    let world = World::start().await;
    world.flat.serve(&world.request(1, &ALL)).await.expect("served");
    assert!(world.addresses.held());
    for _ in 0..2 {
        world.flat.forget(&world.l3).await.expect("forgotten, or forgotten already");
    }
    assert!(world.hosts.network(world.host, world.l3.uuid).is_none());
    assert!(!world.addresses.held());
    assert!(world.rows().await.is_empty());
}

#[tokio::test]
async fn a_deleted_host_serves_nothing_even_if_it_refuses() {
    let world = World::start().await;
    world.flat.serve(&world.request(1, &ALL)).await.expect("served");
    world.hosts.fail_next(false);
    world.flat.before_host_delete(world.host).await.expect("goes all the same");
    assert!(world.rows().await.is_empty());
}

#[tokio::test]
async fn a_nic_that_comes_while_everything_is_told_anew_waits_for_its_turn() {
    let world = Arc::new(World::start().await);
    let (one, two) = (world.request(1, &["DHCP"]), world.request(2, &["DHCP"]));
    world.flat.serve(&one).await.expect("served");
    let held = world.hosts.hold_next_whole();
    let again = world.clone();
    let telling = tokio::spawn(async move { again.flat.converge(again.host, again.l3.uuid).await });
    // By now the recorded NICs were read, and the second one is not among them.
    held.arrived.await.expect("the host is asked");
    let again = world.clone();
    let mut serving = tokio::spawn(async move { again.flat.serve(&two).await });
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut serving).await.is_err(), "it was added in between");
    held.release.send(()).expect("somebody waits");
    telling.await.expect("no panic").expect("told");
    serving.await.expect("no panic").expect("served");
    assert_eq!(world.hosts.network(world.host, world.l3.uuid).expect("there").entries.len(), 2);
}

#[tokio::test]
async fn what_another_node_records_while_everything_is_told_anew_is_told_after_it() {
    let world = Arc::new(World::start().await);
    let (one, two) = (world.request(1, &ALL), world.request(2, &ALL));
    let other = world.flat_of_another_node();
    world.flat.serve(&one).await.expect("served");
    for (comes, left) in [(true, 2), (false, 1)] {
        let held = world.hosts.hold_next_whole();
        let again = world.clone();
        let telling = tokio::spawn(async move { again.flat.converge(again.host, again.l3.uuid).await });
        held.arrived.await.expect("the host is asked");
        match comes {
            true => other.serve(&two).await.expect("served"),
            false => other.unserve(&one).await.expect("served no more"),
        }
        held.release.send(()).expect("somebody waits");
        telling.await.expect("no panic").expect("told");
        let network = world.hosts.network(world.host, world.l3.uuid).expect("there");
        assert_eq!((network.entries.len(), world.rows().await.len()), (left, left), "comes: {comes}");
        assert!(network.entries.contains_key(&two.nic.nic.to_string()));
        assert_eq!(network.userdata.len(), left, "nothing is told of a VM that is not served");
    }
}

#[test]
fn only_what_hosts_serve_is_recorded() {
    let l3 = world::l3(Uuid::random(), Uuid::random());
    let l2 = world::l2(Uuid::random());
    let request = |services: &[&str]| world::request(&l3, &l2, Uuid::random(), 1, services);
    let recorded = |services: &[&str]| FlatNic::of(&request(services)).map(|nic| (nic.dhcp, nic.metadata));
    assert_eq!(recorded(&["DHCP"]), Some((true, false)));
    assert_eq!(recorded(&["Userdata", "Eip"]), Some((false, true)));
    assert_eq!(recorded(&["Eip"]), None);
    let debug = format!("{:?}", FlatNic::of(&request(&["Userdata"])));
    assert!(!debug.contains("#!/bin/sh"), "user data holds secrets: {debug}");
}
