//! Network services.

use cumulo_contracts::{
    message::network::{HoldServiceIp, ServeNics, ServedNic, UnserveNics},
    resource::{NetworkServiceProvider, NetworkServiceType},
};
use cumulo_schema::Uuid;
use serde_json::{Value, json};

use crate::world::{World, uuid};

async fn provider(world: &World) -> Uuid {
    uuid(&world.node.query("/network-services/providers?q=type=Flat").await[0])
}

async fn attach(world: &World, l3: Uuid, services: &[&str]) -> Result<Value, cumulo_schema::ErrorCode> {
    let provider = provider(world).await.to_string();
    world
        .post(&format!("/l3-networks/{l3}/network-services"), json!({ "networkServices": { provider: services } }))
        .await
}

#[tokio::test]
async fn providers_are_recorded_once() {
    let world = World::start().await;
    cumulo_service_network::register_providers(world.kernel()).await.expect("recorded");
    let l2 = world.l2("eth0").await;
    let found = world.node.query("/network-services/providers").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["name"], "A provider");
    assert_eq!(found[0]["networkServiceTypes"], json!(["DHCP", "Userdata"]));
    assert_eq!(found[0]["attachedL2NetworkUuids"], json!([l2]));
    assert_eq!(world.count::<NetworkServiceProvider>().await, 1);
    assert_eq!(world.count::<NetworkServiceType>().await, 2);
    let types = world.node.call("GET", "/network-services/types", Value::Null).await.expect("told");
    assert_eq!(types["types"], json!({ "DHCP": ["Flat"], "Userdata": ["Flat"] }));
}

#[tokio::test]
async fn services_are_attached_all_or_none() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    assert!(attach(&world, l3, &["DHCP", "SNAT"]).await.expect_err("no SNAT").details.contains("SNAT"));
    assert!(attach(&world, l3, &[]).await.is_err(), "nothing named");
    let path = format!("/l3-networks/{l3}/network-services");
    let unknown = world.post(&path, json!({ "networkServices": { Uuid::random().to_string(): ["DHCP"] } })).await;
    assert_eq!(unknown.expect_err("no such provider").code, "SYS.1003");
    let no_uuid = world.post(&path, json!({ "networkServices": { "flat": ["DHCP"] } })).await;
    assert_eq!(no_uuid.expect_err("no uuid").code, "SYS.1007");
    assert!(world.node.query("/l3-networks/network-services/refs").await.is_empty());
    for _ in 0..2 {
        let l3 = attach(&world, l3, &["Userdata", "DHCP"]).await.expect("attached, or attached already");
        assert_eq!(l3["networkServices"].as_array().map(Vec::len), Some(2));
    }
}

#[tokio::test]
async fn a_nic_gets_what_its_network_has_and_loses_it() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let (with, without) = (world.l3(l2).await, world.l3(l2).await);
    attach(&world, with, &["DHCP"]).await.expect("attached");
    let nic = |l3| ServedNic {
        nic: Uuid::random(),
        l3,
        mac: "fa:00:00:00:00:01".to_owned(),
        ip: "10.0.0.9".to_owned(),
        default_route: true,
    };
    let nics = vec![nic(with), nic(without)];
    let (vm, host, task) = (Uuid::random(), Uuid::random(), Uuid::random());
    let serve = ServeNics { vm, host, hostname: None, user_data: None, ssh_keys: vec![], nics: nics.clone(), task };
    world.kernel().bus().call(serve).await.expect("served");
    assert_eq!(world.provider.serves(nics[0].nic), ["DHCP"]);
    assert!(world.provider.serves(nics[1].nic).is_empty());
    // A network that is gone has nothing to take back.
    let gone = nic(Uuid::random());
    let unserve = UnserveNics { vm, host, nics: [vec![gone], nics.clone()].concat(), task };
    world.kernel().bus().call(unserve).await.expect("unserved");
    assert!(world.provider.serves(nics[0].nic).is_empty());
}

#[tokio::test]
async fn a_provider_is_told_of_changes_and_of_its_end() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    attach(&world, l3, &["DHCP", "Userdata"]).await.expect("attached");
    world.post(&format!("/l3-networks/{l3}/dns"), json!({ "dns": "8.8.8.8" })).await.expect("added");
    assert_eq!(world.provider.refreshed(), [l3]);
    let path = format!("/l3-networks/{l3}/network-services");
    world.delete(&format!("{path}/Userdata")).await.expect("detached");
    assert!(world.provider.forgotten().is_empty(), "it still serves DHCP");
    let left = world.delete(&format!("{path}?networkServices.{}=DHCP", provider(&world).await)).await;
    assert_eq!(left.expect("detached")["inventory"]["networkServices"], json!([]));
    assert_eq!(world.provider.forgotten(), [l3]);
}

#[tokio::test]
async fn a_provider_takes_what_it_needs_before_guests_do() {
    let world = World::start().await;
    let services = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let l2 = world.l2("eth0").await;
    let l3 = world.l3(l2).await;
    attach(&world, l3, &["DHCP"]).await.expect("attached");
    assert!(world.provider.prepared().is_empty(), "there are no addresses yet");
    world.range(l3, "10.0.0.10", "10.0.0.12", "255.255.255.0", None).await.expect("added");
    assert_eq!(world.provider.prepared(), [(l3, services(&["DHCP"]))]);
    attach(&world, l3, &["DHCP", "Userdata"]).await.expect("attached");
    assert_eq!(world.provider.prepared(), [(l3, services(&["DHCP", "Userdata"]))]);
    world.delete(&format!("/l3-networks/{l3}/network-services/DHCP")).await.expect("detached");
    assert_eq!(world.provider.prepared(), [(l3, services(&["Userdata"]))]);

    world.provider.set_unready(true);
    let refused = attach(&world, l3, &["DHCP"]).await.expect_err("nothing is left for its server");
    assert!(refused.details.contains("no free address"), "{refused}");
    assert_eq!(world.node.query("/l3-networks/network-services/refs").await.len(), 1, "only what was there before");
    world.provider.set_unready(false);

    // A server's address in a range that goes moves to another one.
    world.range(l3, "10.0.0.20", "10.0.0.22", "255.255.255.0", None).await.expect("added");
    world.provider.prepared();
    let hold = HoldServiceIp { l3, used_for: "DHCP".to_owned() };
    world.kernel().bus().call(hold).await.expect("held");
    let held = world.node.query("/l3-networks/ip-address").await;
    let range = held[0]["ipRangeUuid"].as_str().expect("a uuid");
    world.delete(&format!("/l3-networks/ip-ranges/{range}")).await.expect("deleted");
    assert_eq!(world.provider.prepared(), [(l3, services(&["Userdata"]))]);
}
