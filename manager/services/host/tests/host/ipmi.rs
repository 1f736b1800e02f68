//! How management controllers are reached.

use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use crate::fixture::World;

impl World {
    async fn ipmi(&self, host: Uuid, params: Value) -> Result<Value, ErrorCode> {
        let path = format!("/hosts/ipmi/{host}/actions");
        let answer = self.node.call("PUT", &path, json!({ "updateHostIpmi": params })).await?;
        Ok(answer["hostIpmiInventory"].clone())
    }
}

#[tokio::test]
async fn a_controller_is_recorded_piece_by_piece_and_its_password_shown_to_nobody() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    let half = world.ipmi(host, json!({ "ipmiAddress": "10.9.0.1", "ipmiUsername": "ops" })).await.expect("recorded");
    let mut expected = json!({ "uuid": host, "ipmiAddress": "10.9.0.1", "ipmiUsername": "ops", "ipmiPort": 623,
                               "ipmiPowerStatus": "UN_CONFIGURED" });
    assert_eq!(half, expected);
    let whole = world.ipmi(host, json!({ "ipmiPassword": "s3cret", "ipmiPort": 6230 })).await.expect("recorded");
    (expected["ipmiPort"], expected["ipmiPowerStatus"]) = (json!(6230), json!("POWER_UNKNOWN"));
    assert_eq!(whole, expected);

    let found = world.node.query("/hosts?q=ipmiAddress=10.9.0.1&q=ipmiPowerStatus=POWER_UNKNOWN&q=ipmiPort=6230").await;
    assert_eq!((found.len(), &found[0]["ipmiUsername"]), (1, &json!("ops")));
    assert!(!found[0].to_string().contains("s3cret") && !whole.to_string().contains("assword"), "{found:?}");

    // Again, with another: the one before is replaced.
    let again = world.ipmi(host, json!({ "ipmiPassword": "an0ther", "ipmiPort": 6230 })).await.expect("recorded");
    assert_eq!(again, expected);
    world.node.call("DELETE", &format!("/hosts/{host}"), Value::Null).await.expect("deleted");
    world.assert_empty("deleted").await;
}

#[tokio::test]
async fn of_hosts_that_want_one_controller_at_once_one_gets_it() {
    let world = World::new().await;
    let mut hosts = Vec::new();
    for at in 1..=4 {
        hosts.push(world.add(&format!("10.0.0.{at}")).await);
    }
    // One address, in all its forms.
    let forms = ["2001:db8::a", "2001:DB8::A", "2001:0db8:0:0:0:0:0:000a", "2001:db8:0::a"];
    let wanted = hosts.iter().zip(forms).map(|(host, form)| world.ipmi(*host, json!({ "ipmiAddress": form })));
    let ends = futures::future::join_all(wanted).await;
    let refused: Vec<&ErrorCode> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    assert_eq!(refused.len(), 3, "{ends:?}");
    assert!(refused.iter().all(|error| error.details.contains("is that of host")), "{refused:?}");
    let found = world.node.query("/hosts?q=ipmiAddress=2001:db8::a").await;
    assert_eq!(found.len(), 1, "{found:?}");

    // Who gives it up leaves it to another; an address of IPv4 is one, however it is wrapped.
    let owner = crate::fixture::uuid(&found[0]);
    let other = hosts.iter().copied().find(|host| *host != owner).expect("three others");
    world.ipmi(owner, json!({ "ipmiAddress": "::ffff:10.9.0.1" })).await.expect("recorded");
    world.ipmi(other, json!({ "ipmiAddress": "2001:db8::a" })).await.expect("free");
    world.ipmi(other, json!({ "ipmiAddress": "10.9.0.1" })).await.expect_err("the other's");
    world.node.call("DELETE", &format!("/hosts/{owner}"), Value::Null).await.expect("deleted");
    world.ipmi(other, json!({ "ipmiAddress": "10.9.0.1" })).await.expect("it went with its host");
}

#[tokio::test]
async fn what_no_controller_is_reached_by_is_refused() {
    let world = World::new().await;
    let (host, other) = (world.add("10.0.0.1").await, world.add("10.0.0.2").await);
    let taken = json!({ "ipmiAddress": "bmc1.example.com", "ipmiUsername": "ops", "ipmiPassword": "s3cret" });
    world.ipmi(other, taken).await.expect("recorded");
    let long = "p".repeat(21);
    for (params, why) in [
        (json!({ "ipmiAddress": "10.9.0.1; reboot" }), "ipmiAddress"),
        (json!({ "ipmiAddress": "-H" }), "ipmiAddress"),
        (json!({ "ipmiAddress": "10.9.0.1", "ipmiPort": 0 }), "ipmiPort"),
        (json!({ "ipmiAddress": "10.9.0.1", "ipmiPort": 65536 }), "ipmiPort"),
        (json!({ "ipmiUsername": "seventeen-letters" }), "ipmiUsername"),
        (json!({ "ipmiUsername": "a\nb" }), "ipmiUsername"),
        (json!({ "ipmiPassword": long }), "ipmiPassword"),
        (json!({ "ipmiAddress": "bmc1.example.com" }), "is that of host"),
        (json!({ "ipmiAddress": "BMC1.Example.com" }), "is that of host"),
    ] {
        let refused = world.ipmi(host, params).await.expect_err(why);
        assert!(refused.details.contains(why) && !refused.details.contains(&long), "{refused}");
    }
    // The same machine behind another port is another controller.
    world.ipmi(host, json!({ "ipmiAddress": "bmc1.example.com", "ipmiPort": 6231 })).await.expect("recorded");
    assert_eq!(world.ipmi(Uuid::random(), json!({})).await.expect_err("no host").code, "SYS.1003");
}
