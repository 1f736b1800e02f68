//! Ordinary accounts in a whole cloud: what they see, what they may use, how much, and what goes with them.

mod deletion;
mod privacy;
mod quotas;
mod sharing;

use cumulo_testkit::{Cloud, World};
use serde_json::{Value, json};

/// Lets `accounts` use image, network and offering of the cloud; everybody where there are none.
async fn share(world: &World, cloud: &Cloud, accounts: &[&str]) {
    let what = [&cloud.image, &cloud.l3, &cloud.offering];
    let share = json!({ "resourceUuids": what, "accountUuids": accounts, "toPublic": accounts.is_empty() });
    world.call("PUT", "/accounts/resources/actions", &json!({ "shareResource": share })).await.expect("shared");
}

fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}
