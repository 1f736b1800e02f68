//! Networks of IPv6: their ranges, and who has which address.

use std::collections::BTreeSet;

use cumulo_contracts::{
    message::network::{IpLease, MoveIp, ReleaseIp},
    resource::{IpRange, UsedIp},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use crate::world::{World, uuid};

const FIRST: Option<&str> = Some("FirstAvailableIpAllocatorStrategy");

async fn l3(world: &World) -> Uuid {
    let l2 = world.l2("eth0").await;
    let params = json!({ "name": "V6", "l2NetworkUuid": l2, "ipVersion": 6 });
    uuid(&world.post("/l3-networks", params).await.expect("created"))
}

async fn range(world: &World, l3: Uuid, start: &str, end: &str) -> Result<Value, ErrorCode> {
    let params = json!({ "name": "R", "startIp": start, "endIp": end, "prefixLen": 64, "gateway": "2001:db8::1",
                         "addressMode": "Stateful-DHCP" });
    world.post(&format!("/l3-networks/{l3}/ipv6-ranges"), params).await
}

async fn by_cidr(world: &World, l3: Uuid, cidr: &str, mode: &str) -> Result<Value, ErrorCode> {
    let params = json!({ "params": { "name": "R", "networkCidr": cidr, "addressMode": mode } });
    world.node.call("POST", &format!("/l3-networks/{l3}/ipv6-ranges/by-cidr"), params).await
}

async fn first(world: &World, l3: Uuid) -> Result<IpLease, ErrorCode> {
    world.allocate_by(l3, Uuid::random(), None, FIRST).await
}

#[tokio::test]
async fn a_range_is_added_by_its_ends_or_as_a_network() {
    let world = World::start().await;
    let (one, other) = (l3(&world).await, l3(&world).await);
    let added = range(&world, one, "2001:DB8::0010", "2001:db8::20").await.expect("added");
    assert_eq!((&added["startIp"], &added["ipVersion"]), (&json!("2001:db8::10"), &json!(6)));
    assert_eq!((&added["networkCidr"], &added["netmask"]), (&json!("2001:db8::/64"), &json!("ffff:ffff:ffff:ffff::")));
    assert_eq!((&added["addressMode"], &added["prefixLen"]), (&json!("Stateful-DHCP"), &json!(64)));
    range(&world, one, "2001:db8::21", "2001:db8::30").await.expect("beside it");
    let whole = by_cidr(&world, other, "2001:db8:1::/120", "Stateless-DHCP").await.expect("added");
    assert_eq!(
        (&whole["inventory"]["startIp"], &whole["inventory"]["endIp"]),
        (&json!("2001:db8:1::2"), &json!("2001:db8:1::ff"))
    );
    assert_eq!(whole["inventories"][0], whole["inventory"]);
}

#[tokio::test]
async fn a_range_that_cannot_be_is_refused() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let (v4, v6) = (world.l3(l2).await, l3(&world).await);
    range(&world, v6, "2001:db8::10", "2001:db8::20").await.expect("added");
    for (l3, start, end, why) in [
        (v4, "2001:db8::90", "2001:db8::99", "is of IPv4"),
        (v6, "2001:db8::20", "2001:db8::30", "overlaps"),
        (v6, "2001:db8::99", "2001:db8::90", "comes after"),
        (v6, "10.0.0.1", "10.0.0.9", "no IPv6 address"),
    ] {
        let refused = range(&world, l3, start, end).await.expect_err(why);
        assert!(refused.code == "SYS.1007" && refused.details.contains(why), "{refused}");
    }
    let refused = by_cidr(&world, v6, "2001:db8:1::/64", "Stateful-DHCP").await.expect_err("another network");
    assert!(refused.details.contains("take the same"), "{refused}");
    let refused = by_cidr(&world, l3(&world).await, "2001:db8:1::/64", "SLAAC").await.expect_err("not served");
    assert!(refused.details.contains("SLAAC"), "{refused}");
    let refused = world.range(v6, "10.0.0.5", "10.0.0.9", "255.255.255.0", None).await.expect_err("of IPv4");
    assert!(refused.details.contains("is of IPv6"), "{refused}");
    assert_eq!(world.count::<IpRange>().await, 1);
}

#[tokio::test]
async fn every_nic_has_an_address_of_its_own_until_there_are_none() {
    let world = World::start().await;
    let l3 = l3(&world).await;
    let none = first(&world, l3).await.expect_err("no range");
    assert!(none.details.contains("AddIpv6Range"), "{none}");
    range(&world, l3, "2001:db8::10", "2001:db8::19").await.expect("added");
    let reserved = json!({ "startIp": "2001:db8::10", "endIp": "2001:db8::11" });
    world.post(&format!("/l3-networks/{l3}/reserved-ip-ranges"), reserved).await.expect("reserved");
    let nics: Vec<Uuid> = (0..8).map(|_| Uuid::random()).collect();
    let all = futures::future::join_all(nics.iter().map(|nic| world.allocate(l3, *nic))).await;
    let held: BTreeSet<String> = all.into_iter().map(|lease| lease.expect("there is one for each").ip).collect();
    assert_eq!(held.len(), 8);
    let full = world.allocate(l3, Uuid::random()).await.expect_err("no more");
    assert!(full.details.contains("no free address"), "{full}");
    let again = world.allocate(l3, nics[0]).await.expect("its own");
    assert!(held.contains(&again.ip) && again.prefix_len == 64 && again.ip_version == 6, "{again:?}");
    assert_eq!(again.gateway, "2001:db8::1");
    world.kernel().bus().call(ReleaseIp { nic: nics[0] }).await.expect("released");
    assert_eq!(first(&world, l3).await.expect("the free one").ip, again.ip);
    assert_eq!(world.count::<UsedIp>().await, 8);
}

#[tokio::test]
async fn an_address_is_had_as_wanted_or_it_is_said_why_not() {
    let world = World::start().await;
    let l3 = l3(&world).await;
    range(&world, l3, "2001:db8::10", "2001:db8::19").await.expect("added");
    let wanted = async |ip: &str| world.allocate_by(l3, Uuid::random(), Some(ip), None).await;
    assert_eq!(wanted("2001:0db8::0015").await.expect("had").ip, "2001:db8::15");
    for (ip, why) in [("2001:db8::15", "taken by the NIC"), ("2001:db8::99", "no IP range"), ("10.0.0.1", "no IPv6")] {
        let refused = wanted(ip).await.expect_err(why);
        assert!(refused.details.contains(why), "{refused}");
    }
    let available = async |ip: &str| {
        let path = format!("/l3-networks/{l3}/ip/{ip}/availability");
        world.node.call("GET", &path, Value::Null).await.expect("answered")["available"].clone()
    };
    assert_eq!((available("2001:db8::15").await, available("2001:db8::16").await), (json!(false), json!(true)));
    let free =
        world.node.call("GET", &format!("/l3-networks/{l3}/ip/free?start=2001:db8::14&limit=2"), Value::Null).await;
    let free = free.expect("answered");
    assert_eq!(
        (&free["inventories"][0]["ip"], &free["inventories"][1]["ip"]),
        (&json!("2001:db8::14"), &json!("2001:db8::16"))
    );
}

#[tokio::test]
async fn addresses_are_counted_as_far_as_clients_can() {
    let world = World::start().await;
    let (small, large) = (l3(&world).await, l3(&world).await);
    range(&world, small, "2001:db8::10", "2001:db8::19").await.expect("added");
    by_cidr(&world, large, "2001:db8:1::/64", "Stateful-DHCP").await.expect("added");
    first(&world, small).await.expect("taken");
    let count = async |query: String| {
        world.node.call("GET", &format!("/ip-capacity?{query}"), Value::Null).await.expect("answered")
    };
    let one = count(format!("l3NetworkUuids={small}")).await;
    assert_eq!(
        (&one["ipv6TotalCapacity"], &one["ipv6AvailableCapacity"], &one["ipv4TotalCapacity"]),
        (&json!(10), &json!(9), &json!(0))
    );
    let both = count(format!("zoneUuids={}", world.zone)).await;
    assert_eq!(both["totalCapacity"], json!((1_i64 << 53) - 1));
}

#[tokio::test]
async fn a_provider_that_serves_no_ipv6_is_not_attached() {
    let world = World::start().await;
    let l3 = l3(&world).await;
    let provider = uuid(&world.node.query("/network-services/providers").await[0]);
    let services = json!({ "networkServices": { provider.to_string(): ["DHCP"] } });
    let refused = world.post(&format!("/l3-networks/{l3}/network-services"), services).await.expect_err("refused");
    assert!(refused.details.contains("serves no IPv6"), "{refused}");
    let dns = json!({ "dns": "2001:4860:4860::8888" });
    let with = world.post(&format!("/l3-networks/{l3}/dns"), dns).await.expect("of its version");
    assert_eq!(with["dns"], json!(["2001:4860:4860::8888"]));
}

#[tokio::test]
async fn a_nic_moves_to_a_free_address() {
    let world = World::start().await;
    let l3 = l3(&world).await;
    range(&world, l3, "2001:db8::10", "2001:db8::20").await.expect("added");
    let (nic, other) = (Uuid::random(), first(&world, l3).await.expect("allocated"));
    let to = |to: &str| MoveIp { nic, l3, to: to.to_owned() };
    let bus = world.kernel().bus();
    world.allocate(l3, nic).await.expect("allocated");
    assert_eq!(bus.call(to("2001:DB8::0020")).await.expect("moved").ip, "2001:db8::20");
    let taken = bus.call(to(&other.ip)).await.expect_err("taken");
    assert!(taken.details.contains("is taken by the NIC"), "{taken}");
    bus.call(to("2001:db8::1")).await.expect_err("the gateway");
    assert_eq!(world.count::<UsedIp>().await, 2);
}
