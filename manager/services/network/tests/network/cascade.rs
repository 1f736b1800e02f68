//! What goes with what.

use cumulo_contracts::resource::{
    Cluster, HostStatus, IpRange, L2Network, L2NetworkClusterRef, L3Network, L3NetworkDns, NetworkServiceL3NetworkRef,
    NetworkServiceProviderL2NetworkRef, ReservedIpRange, UsedIp, Zone,
};
use cumulo_schema::{
    Resource, Uuid,
    system::{AccountResourceRef, GarbageCollector},
};
use serde_json::json;

use crate::world::{World, uuid};

/// A network with everything a network can have.
async fn full(world: &World) -> (Uuid, Uuid, Uuid, Uuid) {
    let cluster = world.cluster().await;
    let host = world.host(cluster, HostStatus::Connected).await;
    let l3 = world.l3_with_range("10.0.0.10", "10.0.0.20").await;
    let l2 = uuid(&world.node.query("/l2-networks").await[0]);
    world.attach(l2, cluster).await.expect("attached");
    world.post(&format!("/l3-networks/{l3}/dns"), json!({ "dns": "8.8.8.8" })).await.expect("added");
    let provider = uuid(&world.node.query("/network-services/providers").await[0]).to_string();
    let services = json!({ "networkServices": { provider: ["DHCP"] } });
    world.post(&format!("/l3-networks/{l3}/network-services"), services).await.expect("attached");
    let reserve = json!({ "startIp": "10.0.0.11", "endIp": "10.0.0.12" });
    world.post(&format!("/l3-networks/{l3}/reserved-ip-ranges"), reserve).await.expect("reserved");
    world.allocate(l3, Uuid::random()).await.expect("allocated");
    (cluster, host, l2, l3)
}

async fn nothing_of_l3(world: &World) {
    let left = [
        world.count::<L3Network>().await,
        world.count::<IpRange>().await,
        world.count::<ReservedIpRange>().await,
        world.count::<UsedIp>().await,
        world.count::<L3NetworkDns>().await,
        world.count::<NetworkServiceL3NetworkRef>().await,
    ];
    assert_eq!(left, [0; 6]);
}

#[tokio::test]
async fn an_l3_network_takes_all_it_has() {
    let world = World::start().await;
    let (_, _, _, l3) = full(&world).await;
    for _ in 0..2 {
        world.delete(&format!("/l3-networks/{l3}")).await.expect("deleted, or gone already");
    }
    nothing_of_l3(&world).await;
    assert_eq!(world.provider.forgotten(), [l3]);
    assert_eq!(world.count::<L2Network>().await, 1);
}

#[tokio::test]
async fn an_l2_network_goes_from_hosts_with_its_l3_networks() {
    let world = World::start().await;
    let (_, host, l2, _) = full(&world).await;
    assert_eq!(world.bridges.on(host), 1);
    world.delete(&format!("/l2-networks/{l2}")).await.expect("deleted");
    nothing_of_l3(&world).await;
    assert_eq!(world.bridges.on(host), 0);
    let left = [
        world.count::<L2Network>().await,
        world.count::<L2NetworkClusterRef>().await,
        world.count::<NetworkServiceProviderL2NetworkRef>().await,
        world.count::<AccountResourceRef>().await,
    ];
    assert_eq!(left, [0; 4]);
}

#[tokio::test]
async fn a_host_that_cannot_stops_a_permissive_delete_and_not_an_enforced_one() {
    let world = World::start().await;
    let (_, host, l2, _) = full(&world).await;
    world.bridges.break_host(host);
    world.delete(&format!("/l2-networks/{l2}")).await.expect_err("the host cannot");
    assert_eq!(world.count::<L2Network>().await, 1);
    world.delete(&format!("/l2-networks/{l2}?deleteMode=Enforcing")).await.expect("deleted");
    assert_eq!(world.count::<L2Network>().await, 0);
    assert_eq!(world.count::<GarbageCollector>().await, 1, "the bridge is owed");
}

#[tokio::test]
async fn bridges_stay_where_the_operator_says_so() {
    let world = World::start().await;
    let (_, host, l2, _) = full(&world).await;
    world.kernel().configs().set("l2Network", "deleteL2.bridge", Some("false")).await.expect("set");
    world.delete(&format!("/l2-networks/{l2}")).await.expect("deleted");
    assert_eq!(world.bridges.on(host), 1);
}

#[tokio::test]
async fn networks_go_with_their_zone_and_attachments_with_their_cluster() {
    let world = World::start().await;
    let (cluster, ..) = full(&world).await;
    let cascade = world.kernel().cascade();
    cascade.delete(Cluster::META.vo, vec![cluster], false).await.expect("deleted");
    assert_eq!(world.count::<L2NetworkClusterRef>().await, 0);
    assert_eq!(world.count::<L2Network>().await, 1);
    cascade.delete(Zone::META.vo, vec![world.zone], false).await.expect("deleted");
    nothing_of_l3(&world).await;
    assert_eq!(world.count::<L2Network>().await, 0);
}
