use cumulo_schema::Uuid;
use serde_json::{Value, json};

use crate::thing::{install, node};

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
