//! An L2 network attached to a cluster while everything fails.
//!
//! flow failed everywhere: attach-l2-to-cluster

use cumulo_kernel::faults::Verdict;
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testkit::{Everywhere, World};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_that_fails_anywhere_is_undone_and_can_be_asked_again() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let probe = Everywhere::new();
    assert!(world.kernel().faults().install(probe.clone()).is_ok());
    probe.disarm();
    let setting = json!({ "updateGlobalConfig": { "value": "true" } });
    world.make("PUT", "/global-configurations/l2Network/deleteL2.bridge/actions", setting).await;
    let host: Uuid = cloud.host.parse().expect("a uuid");
    let bridges = || world.sims.host(host).world().bridges.len();
    let before = bridges();
    let l2 = json!({ "params": { "name": "second", "physicalInterface": "eth0", "zoneUuid": cloud.zone } });
    let l2 = world.make("POST", "/l2-networks/no-vlan", l2).await["uuid"].as_str().expect("a uuid").to_owned();
    let path = format!("/l2-networks/{l2}/clusters/{}", cloud.cluster);
    let attached = async || {
        let rows = world.query(&format!("/l2-networks/{l2}")).await;
        rows[0]["attachedClusterUuids"].as_array().expect("a list").len()
    };
    let mut at = 0;
    loop {
        probe.arm(at, Verdict::Fail(ErrorCode::operation("on purpose")));
        let outcome = world.call("POST", &path, &json!({ "params": {} })).await;
        let places = probe.passed().0;
        probe.disarm();
        if outcome.is_err() {
            assert_eq!(attached().await, 0, "still attached after failing at {:?}", places.get(at));
            assert_eq!(bridges(), before, "a bridge is left after failing at {:?}", places.get(at));
            world.make("POST", &path, json!({ "params": {} })).await;
        }
        assert_eq!(attached().await, 1);
        assert_eq!(bridges(), before + 1);
        world.call("DELETE", &path, &Value::Null).await.expect("detached");
        assert_eq!(bridges(), before, "with the setting above, detaching takes the bridge along");
        assert_eq!(world.rows().await["owed"], 0);
        if at >= places.len() {
            break;
        }
        at += 1;
    }
    assert!(at > 4, "an attachment passes many places, not {at}");
}
