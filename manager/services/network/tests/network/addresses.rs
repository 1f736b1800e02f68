//! Taking addresses and giving them back.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use cumulo_contracts::{
    message::network::{AllocateIp, ExplainIp, HoldServiceIp, IpLease, MoveIp, ReleaseIp, ReleaseServiceIp},
    resource::UsedIp,
};
use cumulo_schema::{Timestamp, Uuid};
use serde_json::{Value, json};

use crate::world::World;

const FIRST: Option<&str> = Some("FirstAvailableIpAllocatorStrategy");

#[tokio::test]
async fn a_nic_has_one_address_however_often_it_asks() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let nic = Uuid::random();
    let lease = world.allocate(l3, nic).await.expect("allocated");
    assert_eq!((lease.netmask.as_str(), lease.gateway.as_str(), lease.prefix_len), ("255.255.255.0", "10.0.0.1", 24));
    for _ in 0..20 {
        assert_eq!(world.allocate(l3, nic).await.expect("allocated"), lease);
    }
    // The proposals of those calls went back.
    for _ in 0..10 {
        world.allocate(l3, Uuid::random()).await.expect("there is room");
    }
    assert_eq!(world.allocate(l3, nic).await.expect("also in a full network"), lease);
    let full = world.allocate(l3, Uuid::random()).await.expect_err("full");
    assert!(full.details.contains("no free address"), "{full}");
    for _ in 0..2 {
        world.kernel().bus().call(ReleaseIp { nic }).await.expect("released, or released already");
    }
    assert_eq!(world.allocate(l3, Uuid::random()).await.expect("one is free again").ip, lease.ip);
}

#[tokio::test]
async fn first_available_is_the_lowest_and_the_setting_decides_where_nobody_says() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.200").await;
    let nics = [Uuid::random(), Uuid::random(), Uuid::random()];
    for (nic, ip) in nics.iter().zip(["10.0.0.10", "10.0.0.11", "10.0.0.12"]) {
        assert_eq!(world.allocate_by(l3, *nic, None, FIRST).await.expect("allocated").ip, ip);
    }
    world.kernel().bus().call(ReleaseIp { nic: nics[1] }).await.expect("released");
    let configs = world.kernel().configs();
    configs.set("l3Network", "ipAllocateStrategy", FIRST).await.expect("set");
    assert_eq!(world.allocate(l3, Uuid::random()).await.expect("allocated").ip, "10.0.0.11");
    let unknown = world.allocate_by(l3, Uuid::random(), None, Some("Best")).await.expect_err("unknown");
    assert_eq!(unknown.code, "SYS.1007");
}

#[tokio::test]
async fn gateway_network_broadcast_and_reserved_addresses_are_never_given_out() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    // The whole network but its gateway at the upper end.
    world.range(l3, "10.0.0.0", "10.0.0.6", "255.255.255.248", Some("10.0.0.6")).await.expect_err("holds its gateway");
    world.range(l3, "10.0.0.0", "10.0.0.5", "255.255.255.248", Some("10.0.0.6")).await.expect("added");
    world
        .post(&format!("/l3-networks/{l3}/reserved-ip-ranges"), json!({ "startIp": "10.0.0.2", "endIp": "10.0.0.3" }))
        .await
        .expect("reserved");
    for bad in ["10.0.0.0", "10.0.0.2", "10.0.0.6", "10.0.0.7", "10.0.0.9", "::1", "10.0.0.1 "] {
        world.allocate_by(l3, Uuid::random(), Some(bad), None).await.expect_err(bad);
    }
    let mut given = BTreeSet::new();
    while let Ok(lease) = world.allocate(l3, Uuid::random()).await {
        given.insert(lease.ip);
    }
    assert_eq!(given.into_iter().collect::<Vec<_>>(), ["10.0.0.1", "10.0.0.4", "10.0.0.5"]);
}

#[tokio::test]
async fn a_wanted_address_is_given_once_and_named_when_taken() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let nic = Uuid::random();
    let lease = world.allocate_by(l3, nic, Some("10.0.0.15"), None).await.expect("allocated");
    assert_eq!(lease.ip, "10.0.0.15");
    assert_eq!(world.allocate_by(l3, nic, Some("10.0.0.15"), None).await.expect("the same NIC"), lease);
    let taken = world.allocate_by(l3, Uuid::random(), Some("10.0.0.15"), None).await.expect_err("taken");
    assert!(taken.details.contains(&nic.to_string()), "{taken}");
}

#[tokio::test]
async fn a_nic_moves_to_a_free_address_and_nowhere_else() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.12").await;
    world.range(l3, "10.0.0.20", "10.0.0.20", "255.255.255.0", Some("10.0.0.1")).await.expect("a second range");
    let (nic, other) = (Uuid::random(), Uuid::random());
    let bus = world.kernel().bus();
    let to = |nic, to: &str| MoveIp { nic, l3, to: to.to_owned() };
    let why = async |ip: &str| bus.call(ExplainIp { l3, ip: ip.to_owned() }).await.expect("answered");
    assert_eq!(bus.call(to(nic, "10.0.0.10")).await.expect("without one it takes it").ip, "10.0.0.10");
    world.allocate_by(l3, other, Some("10.0.0.11"), None).await.expect("allocated");
    for (bad, text) in [("10.0.0.11", other.to_string()), ("10.0.0.99", "no IP range".to_owned())] {
        let refused = bus.call(to(nic, bad)).await.expect_err(bad);
        assert!(refused.details.contains(&text), "{refused}");
        assert!(why(bad).await.expect("a reason").contains(&text));
    }
    for _ in 0..2 {
        let lease = bus.call(to(nic, "10.0.0.20")).await.expect("moved, or there");
        assert_eq!(world.allocate(l3, nic).await.expect("what it has"), lease);
    }
    assert_eq!((why("10.0.0.10").await, world.count::<UsedIp>().await), (None, 2));
    // The pool knows: two are left, and neither is the one that it moved to.
    let left = [world.allocate(l3, Uuid::random()).await, world.allocate(l3, Uuid::random()).await];
    let left: BTreeSet<String> = left.into_iter().map(|lease| lease.expect("there is room").ip).collect();
    assert_eq!(left.into_iter().collect::<Vec<_>>(), ["10.0.0.10", "10.0.0.12"]);
    world.allocate(l3, Uuid::random()).await.expect_err("full");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_given_twice_to_many_at_once() {
    for strategy in [None, FIRST] {
        let world = World::start().await;
        let l3 = world.l3_with_range("10.0.0.101", "10.0.0.200").await;
        let ask = |_| AllocateIp { nic: Uuid::random(), l3, wanted: None, strategy: strategy.map(str::to_owned) };
        let leases = world.kernel().bus().call_all((0..120).map(ask), 120).await;
        let (given, refused): (Vec<_>, Vec<_>) = leases.into_iter().partition(Result::is_ok);
        let ips: BTreeSet<String> = given.into_iter().flatten().map(|lease: IpLease| lease.ip).collect();
        assert_eq!((ips.len(), refused.len()), (100, 20), "each address once, the rest refused");
        assert_eq!(world.count::<UsedIp>().await, 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_network_is_as_fast_as_a_small_one() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    world.range(l3, "10.0.0.2", "10.255.255.254", "255.0.0.0", Some("10.0.0.1")).await.expect("added");
    let ask = |_| AllocateIp { nic: Uuid::random(), l3, wanted: None, strategy: None };
    let started = Instant::now();
    let leases = world.kernel().bus().call_all((0..1000).map(ask), 100).await;
    let took = started.elapsed();
    assert!(leases.iter().all(Result::is_ok));
    // A search through 16 million addresses, or a commit per address, takes far longer.
    assert!(took < Duration::from_secs(10), "1000 addresses took {took:?}");
}

#[tokio::test]
async fn what_another_node_did_shows() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.12").await;
    let first = world.allocate_by(l3, Uuid::random(), None, FIRST).await.expect("allocated");
    assert_eq!(first.ip, "10.0.0.10");
    // Behind this node's back .11 is taken and .10 is given back.
    let now = Timestamp::now();
    let other = UsedIp {
        uuid: Uuid::random(),
        ip_range_uuid: None,
        l3_network_uuid: l3,
        ip_version: 4,
        ip: "10.0.0.11".to_owned(),
        netmask: "255.255.255.0".to_owned(),
        gateway: None,
        used_for: None,
        ip_in_long: 0,
        vm_nic_uuid: Some(Uuid::random()),
        create_date: now,
        last_op_date: now,
        ip_order: None,
    };
    world.insert(&other).await;
    let mut batch = world.kernel().db().batch();
    batch.delete::<UsedIp>().eq(UsedIp::UUID, &first.used_ip).any();
    world.kernel().db().commit(batch).await.expect("deleted");
    assert_eq!(world.allocate_by(l3, Uuid::random(), None, FIRST).await.expect("allocated").ip, "10.0.0.12");
    assert_eq!(world.allocate_by(l3, Uuid::random(), None, FIRST).await.expect("allocated").ip, "10.0.0.10");
    world.allocate(l3, Uuid::random()).await.expect_err("full");
}

#[tokio::test]
async fn a_service_has_one_address_and_tells_it() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let target = format!("/l3-networks/{l3}/dhcp-ip");
    assert_eq!(world.node.call("GET", &target, Value::Null).await.expect_err("none yet").code, "SYS.1006");
    let hold = || world.kernel().bus().call(HoldServiceIp { l3, used_for: "DHCP".to_owned() });
    let lease = hold().await.expect("held");
    assert_eq!(hold().await.expect("held"), lease);
    assert_eq!(world.node.call("GET", &target, Value::Null).await.expect("told")["ip"], lease.ip);
    let rows = world.node.query(&format!("/l3-networks/ip-address?q=ip={}", lease.ip)).await;
    assert_eq!(rows[0]["usedFor"], "DHCP");
    world.kernel().bus().call(ReleaseServiceIp { l3, used_for: "DHCP".to_owned() }).await.expect("released");
    assert_eq!(world.count::<UsedIp>().await, 0);
}

#[tokio::test]
async fn a_disabled_network_gives_no_new_address() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let old = Uuid::random();
    let lease = world.allocate(l3, old).await.expect("allocated");
    let off = json!({ "changeL3NetworkState": { "stateEvent": "disable" } });
    world.node.call("PUT", &format!("/l3-networks/{l3}/actions"), off).await.expect("disabled");
    assert!(world.allocate(l3, Uuid::random()).await.expect_err("disabled").details.contains("disabled"));
    assert_eq!(world.allocate(l3, old).await.expect("it has it already"), lease);
}

#[tokio::test]
async fn free_addresses_and_capacity_are_told() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    world.allocate_by(l3, Uuid::random(), Some("10.0.0.12"), None).await.expect("allocated");
    let node = &world.node;
    let get = |target: String| async move { node.call("GET", &target, Value::Null).await };
    let free = get(format!("/l3-networks/{l3}/ip/free?start=10.0.0.11&limit=2")).await.expect("told");
    let ips: Vec<_> = free["inventories"].as_array().expect("a list").iter().map(|free| free["ip"].clone()).collect();
    assert_eq!(ips, ["10.0.0.11", "10.0.0.13"]);
    assert!(get(format!("/l3-networks/{l3}/ip/free?limit=0")).await.is_err());
    let capacity = get(format!("/ip-capacity?l3NetworkUuids={l3}")).await.expect("told");
    let number = |name: &str| capacity[name].as_i64().expect("a number");
    let counts = HashMap::from([("total", number("totalCapacity")), ("free", number("availableCapacity"))]);
    assert_eq!(counts, HashMap::from([("total", 11), ("free", 10)]));
    assert_eq!(capacity["resourceType"], "L3NetworkVO");
    assert_eq!(capacity["capacityData"][0]["usedIpAddressNumber"], 1);
    assert!(get("/ip-capacity".to_owned()).await.is_err(), "nothing is named");
    assert_eq!(get("/ip-capacity?all=true".to_owned()).await.expect("told")["totalCapacity"], 11);
    for (ip, available) in [("10.0.0.12", false), ("10.0.0.13", true), ("10.0.0.1", false), ("10.9.0.1", false)] {
        let answer = get(format!("/l3-networks/{l3}/ip/{ip}/availability")).await.expect("told");
        assert_eq!(answer["available"], available, "{ip}: {answer}");
        assert_eq!(answer.get("reason").is_none_or(Value::is_null), available, "{ip}: {answer}");
    }
}
