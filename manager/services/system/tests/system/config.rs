use cumulo_schema::Uuid;
use serde_json::{Value, json};

use crate::thing::{install, node, thing_of};

const PATH: &str = "/global-configurations/managementServer/node.heartbeatInterval";

fn value(value: &str) -> Value {
    json!({ "updateGlobalConfig": { "value": value } })
}

#[tokio::test]
async fn a_setting_is_changed_kept_over_a_restart_and_reset() {
    let node = node().await;
    let path = format!("{PATH}/actions");
    let changed = node.inventory("PUT", &path, value("7")).await.expect("changed");
    assert_eq!((&changed["value"], &changed["defaultValue"]), (&json!("7"), &json!("5")));
    let node = node.restart(install).await;
    let read = || node.kernel().configs().get::<u64>("managementServer", "node.heartbeatInterval");
    assert_eq!(read(), Ok(7));
    let found = node.query("/global-configurations?q=name=node.heartbeatInterval").await;
    assert_eq!(found[0]["value"], "7");
    node.call("PUT", "/global-configurations/actions", json!({ "resetGlobalConfig": {} })).await.expect("reset");
    assert_eq!(read(), Ok(5));
}

#[tokio::test]
async fn what_a_setting_may_be_is_told_and_held() {
    let mut node = node().await;
    let answer = node.call("GET", PATH, Value::Null).await.expect("answered");
    assert_eq!(answer["options"], json!({ "numberGreaterThanOrEqual": 1, "numberLessThanOrEqual": 3600 }));
    for bad in ["0", "3601", "", "5; rm", "five"] {
        let refused = node.call("PUT", &format!("{PATH}/actions"), value(bad)).await.expect_err("refused");
        assert_eq!(refused.code, "SYS.1007", "{bad:?}");
    }
    let missing = "/global-configurations/managementServer/nothing";
    assert_eq!(node.call("GET", missing, Value::Null).await.expect_err("none").code, "SYS.1003");
    let refused = node.call("PUT", &format!("{missing}/actions"), value("1")).await.expect_err("none");
    assert_eq!(refused.code, "SYS.1003");
    node.use_session(Uuid::random().to_string());
    let refused = node.call("PUT", &format!("{PATH}/actions"), value("6")).await.expect_err("the admin's");
    assert_eq!(refused.code, "ID.1002");
}

#[tokio::test]
async fn a_setting_of_one_resource_is_said_shown_and_taken_back() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    let path = format!("/resource-configurations/test/limit/{thing}");
    let update = async |value: &str| {
        let body = json!({ "updateResourceConfig": { "value": value } });
        node.inventory("PUT", &format!("{path}/actions"), body).await
    };
    for value in ["7", "8"] {
        assert_eq!(update(value).await.expect("said")["value"], value);
    }
    assert_eq!(update("many").await.expect_err("no number").code, "SYS.1007");
    let rows = node.query("/resource-configurations?q=category=test").await;
    assert_eq!((rows.len(), &rows[0]["resourceType"]), (1, &json!("DiskOfferingVO")));
    let read = async || {
        let target = format!("/resource-configurations/{thing}/test/limit");
        node.call("GET", &target, Value::Null).await.expect("answered")
    };
    let said = read().await;
    assert_eq!((&said["value"], said["effectiveConfigs"].as_array().map(Vec::len)), (&json!("8"), Some(1)));
    node.call("DELETE", &path, Value::Null).await.expect("taken back");
    assert_eq!(read().await["value"], "5", "what holds for all");

    let several = json!({ "params": { "resourceConfigs": [{ "category": "test", "name": "limit", "value": "6" }] } });
    let target = format!("/resource-configurations/{thing}/resource-configs/actions");
    let answer = node.call("POST", &target, several).await.expect("said");
    assert_eq!(answer["inventories"][0]["value"], "6");
    let target = format!("/resource-configurations/{thing}/test?names=limit");
    let answer = node.call("GET", &target, Value::Null).await.expect("answered");
    assert_eq!((&answer["configs"][0]["name"], &answer["configs"][0]["value"]), (&json!("limit"), &json!("6")));
    let unbound = format!("/resource-configurations/test/unbound/{thing}/actions");
    let body = json!({ "updateResourceConfig": { "value": "1" } });
    assert_eq!(node.call("PUT", &unbound, body).await.expect_err("not of resources").code, "SYS.1007");
}
