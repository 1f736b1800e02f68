//! Ranges of addresses.

use cumulo_contracts::message::network::ReleaseIp;
use cumulo_schema::Uuid;
use serde_json::{Value, json};

use crate::world::{World, uuid};

const MASK: &str = "255.255.255.0";

#[tokio::test]
async fn a_range_is_added_as_the_scenario_does() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    let range = world.range(l3, "10.0.101.100", "10.0.101.150", MASK, Some("10.0.101.1")).await.expect("added");
    assert_eq!(range["networkCidr"], "10.0.101.0/24");
    assert_eq!(range["prefixLen"], 24);
    assert_eq!(range["ipRangeType"], "Normal");
    let found = world.node.query(&format!("/l3-networks/{l3}")).await;
    assert_eq!(found[0]["ipRanges"][0]["uuid"], range["uuid"]);
}

#[tokio::test]
async fn a_range_that_overlaps_any_of_the_l2_network_is_refused() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let (one, other) = (world.l3(l2).await, world.l3(l2).await);
    world.range(one, "10.0.0.10", "10.0.0.20", MASK, None).await.expect("added");
    for (l3, start, end) in
        [(one, "10.0.0.20", "10.0.0.30"), (one, "10.0.0.5", "10.0.0.99"), (other, "10.0.0.12", "10.0.0.12")]
    {
        let refused = world.range(l3, start, end, MASK, None).await.expect_err("overlaps");
        assert!(refused.details.contains("overlaps"), "{refused}");
    }
    world.range(one, "10.0.0.21", "10.0.0.30", MASK, None).await.expect("stands beside");
    let elsewhere = world.l3(world.l2("eth1").await).await;
    world.range(elsewhere, "10.0.0.10", "10.0.0.20", MASK, None).await.expect("another wire");
}

#[tokio::test]
async fn of_two_overlapping_ranges_at_once_one_is_added() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    let outcomes = tokio::join!(
        world.range(l3, "10.0.0.10", "10.0.0.20", MASK, None),
        world.range(l3, "10.0.0.15", "10.0.0.25", MASK, None),
    );
    assert!(outcomes.0.is_ok() != outcomes.1.is_ok(), "{outcomes:?}");
}

#[tokio::test]
async fn ranges_of_an_l3_network_share_network_and_gateway() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    world.range(l3, "10.0.0.10", "10.0.0.20", MASK, None).await.expect("added");
    let foreign = world.range(l3, "10.0.1.10", "10.0.1.20", MASK, None).await.expect_err("another network");
    assert!(foreign.details.contains("10.0.0.0/24"), "{foreign}");
    let gateway =
        world.range(l3, "10.0.0.30", "10.0.0.40", MASK, Some("10.0.0.254")).await.expect_err("another gateway");
    assert!(gateway.details.contains("gateway"), "{gateway}");
}

#[tokio::test]
async fn a_network_is_added_whole() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    let path = format!("/l3-networks/{l3}/ip-ranges/by-cidr");
    let params = json!({ "params": { "name": "R", "networkCidr": "192.168.7.0/24" } });
    let answer = world.node.call("POST", &path, params).await.expect("added");
    assert_eq!(answer["inventory"]["startIp"], "192.168.7.2");
    assert_eq!(answer["inventory"]["endIp"], "192.168.7.254");
    assert_eq!(answer["inventory"]["gateway"], "192.168.7.1");
    assert_eq!(answer["inventories"][0], answer["inventory"]);
}

#[tokio::test]
async fn a_range_in_use_stays() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let range = uuid(&world.node.query(&format!("/l3-networks/ip-ranges?q=l3NetworkUuid={l3}")).await[0]);
    let nic = Uuid::random();
    let lease = world.allocate(l3, nic).await.expect("allocated");
    let path = format!("/l3-networks/ip-ranges/{range}");
    let refused = world.delete(&path).await.expect_err("in use");
    let cause = refused.cause.expect("a cause").details;
    assert!(cause.contains(&lease.ip), "{cause}");
    world.kernel().bus().call(ReleaseIp { nic }).await.expect("released");
    world.delete(&path).await.expect("deleted");
    world.delete(&path).await.expect("gone is fine");
    let none = world.allocate(l3, nic).await.expect_err("nothing to take from");
    assert!(none.details.contains("no IP range"), "{none}");
}

#[tokio::test]
async fn reserved_addresses_lie_inside_and_beside_each_other() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let path = format!("/l3-networks/{l3}/reserved-ip-ranges");
    let reserve = |start: &str, end: &str| json!({ "startIp": start, "endIp": end });
    assert!(world.post(&path, reserve("10.0.1.1", "10.0.1.2")).await.is_err(), "outside");
    assert!(world.post(&path, reserve("10.0.0.12", "10.0.0.11")).await.is_err(), "inverted");
    let reserved = world.post(&path, reserve("10.0.0.11", "10.0.0.19")).await.expect("reserved");
    assert!(world.post(&path, reserve("10.0.0.19", "10.0.0.19")).await.is_err(), "overlaps");
    assert_eq!(capacity(&world, l3).await, 2);
    world.delete(&format!("/l3-networks/reserved-ip-ranges/{}", uuid(&reserved))).await.expect("given up");
    assert_eq!(capacity(&world, l3).await, 11);
}

async fn capacity(world: &World, l3: Uuid) -> Value {
    let answer = world.node.call("GET", &format!("/ip-capacity?l3NetworkUuids={l3}"), Value::Null).await;
    answer.expect("answered")["totalCapacity"].clone()
}
