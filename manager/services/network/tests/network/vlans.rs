//! L2 networks that are a VLAN, and which networks can go where.

use std::collections::BTreeSet;

use cumulo_contracts::resource::{L2Network, L2VlanNetwork};
use serde_json::{Value, json};

use crate::world::{World, uuid};

fn vlan(world: &World, id: i64) -> Value {
    json!({ "name": "VLAN", "vlan": id, "physicalInterface": "eth0", "zoneUuid": world.zone })
}

#[tokio::test]
async fn a_vlan_is_created_found_and_deleted() {
    let world = World::start().await;
    let l2 = world.post("/l2-networks/vlan", vlan(&world, 100)).await.expect("created");
    assert_eq!((&l2["type"], &l2["virtualNetworkId"]), (&json!("L2VlanNetwork"), &json!(100)));
    world.l2("eth0").await;
    let found = world.node.query("/l2-networks/vlan?q=vlan=100").await;
    assert_eq!((found.len(), &found[0]["uuid"], &found[0]["vlan"]), (1, &l2["uuid"], &json!(100)));
    assert_eq!(world.node.query("/l2-networks").await.len(), 2);
    let types = world.node.call("GET", "/l2-networks/types", Value::Null).await.expect("answered");
    assert_eq!(types["types"], json!(["L2NoVlanNetwork", "L2VlanNetwork"]));
    let switches = world.node.call("GET", "/l2-networks/vSwitchTypes", Value::Null).await.expect("answered");
    assert_eq!(switches["types"], json!(["LinuxBridge"]));
    world.delete(&format!("/l2-networks/{}", uuid(&l2))).await.expect("deleted");
    assert_eq!((world.count::<L2VlanNetwork>().await, world.count::<L2Network>().await), (0, 1));
}

#[tokio::test]
async fn a_vlan_that_cannot_be_is_refused() {
    let world = World::start().await;
    for (name, value) in [
        ("vlan", json!(0)),
        ("vlan", json!(4095)),
        ("physicalInterface", json!("eth0; reboot")),
        ("vSwitchType", json!("OvsDpdk")),
        ("type", json!("L2NoVlanNetwork")),
        ("isolated", json!(true)),
    ] {
        let mut params = vlan(&world, 100);
        params[name] = value;
        let refused = world.post("/l2-networks/vlan", params).await.expect_err(name);
        assert_eq!(refused.code, "SYS.1007", "{refused}");
    }
    assert_eq!(world.count::<L2Network>().await, 0);
}

#[tokio::test]
async fn what_shares_no_wire_can_be_attached_and_is_a_candidate_until_then() {
    let world = World::start().await;
    let (cluster, other) = (world.cluster().await, world.cluster().await);
    let plain = world.l2("eth0").await;
    let mut vlans = Vec::new();
    for id in [100, 101, 100] {
        vlans.push(uuid(&world.post("/l2-networks/vlan", vlan(&world, id)).await.expect("created")));
    }
    let networks = async |page: &str| {
        let path = format!("/cluster/{cluster}/l2-candidates{page}");
        let answer = world.node.call("GET", &path, Value::Null).await.expect("answered");
        answer["inventories"].as_array().expect("a list").iter().map(uuid).collect::<Vec<_>>()
    };
    // In the order of their making, which of two within a millisecond is any.
    let all = networks("").await;
    assert_eq!(BTreeSet::from_iter(all.clone()), BTreeSet::from([plain, vlans[0], vlans[1], vlans[2]]));
    assert_eq!(networks("?start=1&limit=2").await, all[1..3]);
    world.attach(vlans[0], cluster).await.expect("attached");
    world.attach(plain, cluster).await.expect("the same interface without VLAN");
    assert_eq!(networks("").await, [vlans[1]]);
    let refused = world.attach(vlans[2], cluster).await.expect_err("the same VLAN");
    assert!(refused.details.contains("VLAN 100 of the interface eth0"), "{refused}");

    let clusters = async |l2, of: &str| {
        let path = format!("/l2-networks/{l2}/cluster-candidates{of}");
        let answer = world.node.call("GET", &path, Value::Null).await.expect("answered");
        answer["inventories"].as_array().expect("a list").iter().map(uuid).collect::<Vec<_>>()
    };
    assert_eq!(clusters(vlans[2], "").await, [other]);
    let both = clusters(vlans[1], "?clusterTypes=KVM").await;
    assert_eq!(BTreeSet::from_iter(both.clone()), BTreeSet::from([cluster, other]));
    assert_eq!(clusters(vlans[1], "?clusterTypes=KVM&limit=1").await, both[..1]);
    assert!(clusters(vlans[1], "?clusterTypes=Simulator").await.is_empty());
    let path = format!("/cluster/{cluster}/l2-candidates?limit=-1");
    assert!(world.node.call("GET", &path, Value::Null).await.is_err(), "no list has that many");
}
