//! What guests are told: MTU, routes, and where a router stands.

use cumulo_contracts::{
    message::network::{DHCP, GuestMtu, HoldServiceIp},
    resource::{L2Network, L3NetworkHostRoute},
};
use cumulo_kernel::config::NewValue;
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde_json::{Value, json};

use crate::world::{World, uuid};

async fn mtu(world: &World, l3: Uuid) -> i64 {
    let answer = world.node.call("GET", &format!("/l3-networks/{l3}/mtu"), Value::Null).await.expect("answered");
    answer["mtu"].as_i64().expect("a number")
}

async fn set_mtu(world: &World, l3: Uuid, mtu: i64) -> Result<Value, ErrorCode> {
    let params = json!({ "params": { "mtu": mtu } });
    world.node.call("POST", &format!("/l3-networks/{l3}/mtu"), params).await
}

#[tokio::test]
async fn the_mtu_is_the_networks_own_or_that_of_its_l2_network_or_of_all() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    assert_eq!(mtu(&world, l3).await, 1500);
    let jumbo = NewValue { category: "networkService", name: "defaultDhcpMtu.l2NoVlanNetwork", value: "9000" };
    world.kernel().resource_configs().set(L2Network::META, l2, &[jumbo]).await.expect("set");
    assert_eq!(mtu(&world, l3).await, 9000);
    world.node.call("POST", &format!("/l3-networks/{l3}/network-services"), services(&world).await).await.expect("on");
    for wanted in [1400, 1300] {
        let answer = set_mtu(&world, l3, wanted).await.expect("set");
        assert_eq!(answer["success"], true);
        assert_eq!(mtu(&world, l3).await, wanted);
    }
    assert_eq!(world.provider.refreshed(), [l3, l3], "hosts are told");
    let tags = world.node.query(&format!("/l3-networks?q=__systemTag__=l3NetworkUuid::{l3}::mtu::1300")).await;
    assert_eq!(tags.len(), 1, "one tag, the new one");
    let other = world.l3(l2).await;
    assert_eq!(mtu(&world, other).await, 9000, "another network of the same L2 network");
    let network = world.kernel().db().find(L2Network::UUID, &l2).await.expect("read").expect("there");
    let ask = GuestMtu { l3, l2, l2_type: network.r#type };
    assert_eq!(world.kernel().bus().call(ask).await.expect("answered"), 1300);
}

async fn services(world: &World) -> Value {
    let provider = uuid(&world.node.query("/network-services/providers").await[0]);
    json!({ "params": { "networkServices": { provider.to_string(): ["DHCP"] } } })
}

#[tokio::test]
async fn an_mtu_that_no_link_has_is_refused() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    for bad in [-1, 0, 67, 9217, i64::from(i32::MAX)] {
        let refused = set_mtu(&world, l3, bad).await.expect_err("refused");
        assert_eq!(refused.code, "SYS.1007", "{refused}");
    }
    assert_eq!(mtu(&world, l3).await, 1500);
}

#[tokio::test]
async fn routes_are_told_to_hosts_and_fit_into_one_option() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    world.node.call("POST", &format!("/l3-networks/{l3}/network-services"), services(&world).await).await.expect("on");
    let path = format!("/l3-networks/{l3}/hostroute");
    let route = |number: usize| json!({ "prefix": format!("10.{number}.0.0/16"), "nexthop": "10.0.0.9" });
    for number in 1..=24 {
        world.post(&path, route(number)).await.expect("added");
    }
    let refused = world.post(&path, route(25)).await.expect_err("one too many");
    assert!(refused.details.contains("24 routes"), "{refused}");
    world.post(&path, route(24)).await.expect("there already is fine");
    assert_eq!(world.count::<L3NetworkHostRoute>().await, 24);
    assert_eq!(world.provider.refreshed().len(), 24);
    world.delete(&format!("{path}?prefix=10.1.0.0/16")).await.expect("removed");
    assert_eq!(world.provider.refreshed().len(), 25);
}

#[tokio::test]
async fn a_router_stands_where_no_guest_can() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let path = format!("/l3-networks/{l3}/router-interface-ip");
    let stands =
        async || world.node.call("GET", &path, Value::Null).await.expect("answered")["routerInterfaceIp"].clone();
    assert_eq!(stands().await, "10.0.0.1", "the gateway, where nothing else is said");
    let set = async |ip: &str| {
        let params = json!({ "params": { "routerInterfaceIp": ip } });
        world.node.call("POST", &path, params).await
    };
    for bad in ["10.0.0.15", "10.0.1.2", "10.0.0.255", "10.0.0.0", "fd00::1", "x"] {
        let refused = set(bad).await.expect_err(bad);
        assert_eq!(refused.code, "SYS.1007", "{refused}");
    }
    for good in ["10.0.0.2", "10.0.0.3"] {
        set(good).await.expect("set");
        assert_eq!(stands().await, good);
    }
    let reserved = json!({ "startIp": "10.0.0.15", "endIp": "10.0.0.15" });
    world.post(&format!("/l3-networks/{l3}/reserved-ip-ranges"), reserved).await.expect("reserved");
    set("10.0.0.15").await.expect("kept back, so free for it");
}

#[tokio::test]
async fn a_dhcp_server_has_another_address_and_hosts_are_told() {
    let world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let path = format!("/l3-networks/{l3}/dhcp-ip");
    let change =
        async |params: Value| world.node.call("PUT", &path, json!({ "changeL3NetworkDhcpIpAddress": params })).await;
    let refused = change(json!({ "dhcpServerIp": "10.0.0.20" })).await.expect_err("there is none");
    assert!(refused.details.contains("has no DHCP server"), "{refused}");
    world.node.call("POST", &format!("/l3-networks/{l3}/network-services"), services(&world).await).await.expect("on");
    let before = world.kernel().bus().call(HoldServiceIp { l3, used_for: DHCP.to_owned() }).await.expect("held").ip;
    let guest = world.allocate(l3, Uuid::random()).await.expect("taken").ip;

    for (params, why) in [
        (json!({ "dhcpServerIp": guest }), "is taken by the NIC"),
        (json!({ "dhcpServerIp": "10.0.0.30" }), "lies in no IP range"),
        (json!({ "dhcpServerIp": "10.0.0.1" }), "10.0.0.1"),
        (json!({ "dhcpServerIp": "nowhere" }), "nowhere"),
        (json!({ "dhcpv6ServerIp": "fd00::2" }), "dhcpv6ServerIp"),
        (json!({}), "dhcpServerIp"),
    ] {
        let refused = change(params).await.expect_err(why);
        assert!(refused.details.contains(why), "{refused}");
    }
    let told = world.provider.refreshed().len();
    let free = ["10.0.0.18", "10.0.0.19", "10.0.0.20"].into_iter().find(|ip| *ip != before && *ip != guest);
    let free = free.expect("one of three");
    for _ in 0..2 {
        let answer = change(json!({ "dhcpServerIp": free })).await.expect("changed");
        assert_eq!(answer["dhcpServerIp"], free);
    }
    assert_eq!(world.provider.refreshed().len(), told + 2);
    let answer = world.node.call("GET", &path, Value::Null).await.expect("answered");
    assert_eq!(answer["ip"], free);
    // The address that it had is free.
    let params = json!({ "dhcpServerIp": before });
    change(params).await.expect("back again");
}
