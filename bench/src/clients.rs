//! Many clients at once.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::{cloud::Cloud, count, stage::Stage};

/// Clients that call at once.
pub(crate) const CLIENTS: usize = 100;

/// Creates so many VMs, from that number on, over HTTP; their ids, and how long it took until the last one ran.
pub(crate) async fn create_many(
    stage: &Stage,
    cloud: &Cloud,
    from: usize,
    count: usize,
) -> anyhow::Result<(Vec<String>, Duration)> {
    let begun = Instant::now();
    let made = stream::iter(from..from + count).map(|n| create(stage, cloud, format!("many-{n}")));
    let made = made.buffer_unordered(CLIENTS).try_collect().await?;
    Ok((made, begun.elapsed()))
}

/// Creates a VM; its id.
pub(crate) async fn create(stage: &Stage, cloud: &Cloud, name: String) -> anyhow::Result<String> {
    let vm = stage.make("/vm-instances", &cloud.vm(&name)).await?;
    let uuid = vm["uuid"].as_str().filter(|_| vm["state"] == "Running");
    uuid.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("it does not run: {vm}"))
}

/// Destroys the VM, and removes what is left of it.
pub(crate) async fn delete(stage: &Stage, vm: &str) -> anyhow::Result<()> {
    stage.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await?;
    let expunge = json!({ "expungeVmInstance": {} });
    stage.call("PUT", &format!("/vm-instances/{vm}/actions"), &expunge).await.map(drop)
}

/// As [`delete`], for all of `vms`; how many a second.
pub(crate) async fn delete_many(stage: &Stage, vms: &[String]) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let gone = stream::iter(vms).map(|vm| delete(stage, vm)).buffer_unordered(CLIENTS);
    gone.try_collect::<()>().await?;
    Ok(count(vms.len()) / begun.elapsed().as_secs_f64())
}
