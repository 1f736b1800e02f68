//! Networks with few addresses.

use cumulo_testkit::World;
use serde_json::{Value, json};

fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_vms_larger_than_the_range_leaves_the_dhcp_server_its_address() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let provider = uuid(&world.query("/network-services/providers?q=type=Flat").await[0]);
    let attach = json!({ "params": { "networkServices": { provider: ["DHCP"] } } });
    // A network of eight addresses: five for guests and services beside network, gateway and broadcast.
    for (subnet, service_first) in [(0, true), (8, false)] {
        let l3 = json!({ "params": { "name": "tiny", "l2NetworkUuid": cloud.l2 } });
        let l3 = uuid(&world.make("POST", "/l3-networks", l3).await);
        let at = |host: u32| format!("10.7.0.{}", subnet + host);
        let range = json!({ "params": { "name": "tiny", "startIp": at(2), "endIp": at(6),
                                        "netmask": "255.255.255.248", "gateway": at(1) } });
        let services = format!("/l3-networks/{l3}/network-services");
        if service_first {
            world.make("POST", &services, attach.clone()).await;
        }
        world.make("POST", &format!("/l3-networks/{l3}/ip-ranges"), range).await;
        if !service_first {
            world.make("POST", &services, attach.clone()).await;
        }
        let server = world.call("GET", &format!("/l3-networks/{l3}/dhcp-ip"), &Value::Null).await.expect("it has one");
        let server = server["ip"].as_str().expect("an address").to_owned();

        let create = |n: usize| {
            let (mut vm, world) = (cloud.vm(&format!("burst-{n}")), &world);
            vm["params"]["l3NetworkUuids"] = json!([l3]);
            async move { world.call("POST", "/vm-instances", &vm).await }
        };
        let outcomes = futures::future::join_all((0..8).map(create)).await;
        let (created, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((created.len(), refused.len()), (4, 4));
        for refused in refused.into_iter().filter_map(Result::err) {
            let text = format!("{refused:?}");
            assert!(text.contains("has no free address"), "{text}");
        }
        for vm in created.into_iter().flatten() {
            assert_ne!(vm["inventory"]["vmNics"][0]["ip"], server.as_str());
        }
        world.call("DELETE", &format!("{services}/DHCP"), &Value::Null).await.expect("detached");
        let free = world.call("GET", &format!("/l3-networks/{l3}/ip/free"), &Value::Null).await.expect("answered");
        assert_eq!(free["inventories"][0]["ip"], server.as_str(), "the service gave its address back");
    }
}
