//! Creating and changing L2 and L3 networks.

use serde_json::{Value, json};

use crate::world::{World, insert_zone, uuid};

#[tokio::test]
async fn an_l2_network_is_created_and_changed() {
    let world = World::start().await;
    let params = json!({ "name": "FLAT-L2", "physicalInterface": "eth0", "zoneUuid": world.zone });
    let l2 = world.post("/l2-networks/no-vlan", params).await.expect("created");
    assert_eq!(l2["type"], "L2NoVlanNetwork");
    assert_eq!(l2["vSwitchType"], "LinuxBridge");
    assert_eq!(l2["physicalInterface"], "eth0");
    assert_eq!(l2["attachedClusterUuids"], json!([]));
    let path = format!("/l2-networks/{}/actions", uuid(&l2));
    let changed = world.node.inventory("PUT", &path, json!({ "updateL2Network": { "name": "it's \"new\"" } })).await;
    assert_eq!(changed.expect("changed")["name"], "it's \"new\"");
}

#[tokio::test]
async fn what_no_driver_can_make_is_refused() {
    let world = World::start().await;
    for extra in [
        json!({ "physicalInterface": "eth0; reboot" }),
        json!({ "physicalInterface": "" }),
        json!({ "vSwitchType": "OvsDpdk" }),
        json!({ "type": "L2VlanNetwork" }),
        json!({ "isolated": true }),
    ] {
        let mut params = json!({ "name": "L2", "physicalInterface": "eth0", "zoneUuid": world.zone });
        params.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let refused = world.post("/l2-networks/no-vlan", params).await.expect_err(&extra.to_string());
        assert_eq!(refused.code, "SYS.1007", "{refused}");
    }
    assert!(world.node.query("/l2-networks").await.is_empty(), "nothing was made");
}

#[tokio::test]
async fn an_l3_network_is_created_changed_and_switched_off() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    let found = world.node.query(&format!("/l3-networks/{l3}")).await;
    assert_eq!(found[0]["zoneUuid"], world.zone.to_string(), "the zone is that of the L2 network");
    assert_eq!(found[0]["state"], "Enabled");
    assert_eq!(found[0]["category"], "Private");
    assert_eq!(found[0]["enableIPAM"], true);
    let path = format!("/l3-networks/{l3}/actions");
    let off = json!({ "changeL3NetworkState": { "stateEvent": "disable" } });
    assert_eq!(world.node.inventory("PUT", &path, off).await.expect("changed")["state"], "Disabled");
    let bad = json!({ "updateL3Network": { "dnsDomain": "a\nserver=6.6.6.6" } });
    assert_eq!(world.node.inventory("PUT", &path, bad).await.expect_err("refused").code, "SYS.1007");
    let good = json!({ "updateL3Network": { "dnsDomain": "example.com" } });
    assert_eq!(world.node.inventory("PUT", &path, good).await.expect("changed")["dnsDomain"], "example.com");
}

#[tokio::test]
async fn name_servers_come_once_and_go() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    let path = format!("/l3-networks/{l3}/dns");
    for dns in ["8.8.8.8", "1.1.1.1", "8.8.8.8"] {
        world.post(&path, json!({ "dns": dns })).await.expect("added");
    }
    let found = world.node.query(&format!("/l3-networks/{l3}")).await;
    assert_eq!(found[0]["dns"].as_array().map(Vec::len), Some(2), "{}", found[0]["dns"]);
    for bad in ["8.8.8", "0.0.0.0", "x'; DROP TABLE l3_network_dns"] {
        assert_eq!(world.post(&path, json!({ "dns": bad })).await.expect_err(bad).code, "SYS.1007");
    }
    let left = world.node.inventory("DELETE", &format!("{path}/8.8.8.8"), Value::Null).await.expect("removed");
    assert_eq!(left["dns"], json!(["1.1.1.1"]));
}

#[tokio::test]
async fn host_routes_are_recorded_in_one_form() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    let path = format!("/l3-networks/{l3}/hostroute");
    let route = |prefix: &str, nexthop: &str| json!({ "prefix": prefix, "nexthop": nexthop });
    world.post(&path, route("10.9.1.1/16", "10.0.0.1")).await.expect("added");
    world.post(&path, route("10.9.0.0/16", "10.0.0.1")).await.expect("there already");
    assert!(world.post(&path, route("10.9.0.0/16", "10.0.0.2")).await.is_err(), "it goes elsewhere");
    let added = world.post(&path, route("10.8.0.0/16", "10.0.0.1")).await.expect("added");
    assert_eq!(added["hostRoute"].as_array().map(Vec::len), Some(2));
    let left = world.node.inventory("DELETE", &format!("{path}?prefix=10.9.0.0%2F16"), Value::Null).await;
    assert_eq!(left.expect("removed")["hostRoute"][0]["prefix"], "10.8.0.0/16");
}

#[tokio::test]
async fn a_network_cannot_go_to_another_zone() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let elsewhere = World { zone: insert_zone(world.kernel()).await, ..world };
    let cluster = elsewhere.cluster().await;
    let refused = elsewhere.attach(l2, cluster).await.expect_err("refused");
    assert!(refused.details.contains("different zones"), "{refused}");
}
