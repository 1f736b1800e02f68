//! `make bench`: how quick the node is, with simulated machines in the same process and every commit durable before
//! anything follows from it. `make bench NAME=create` or `NAME=scale` runs one part.
//!
//! Each line is `bench: <name> ours=<value> <unit> goal=<value>`. Absolute times drift between machines; where there is a
//! limit to compare with, it is measured in the same run and the ratio printed.

mod create;
mod scale;

use std::time::{Duration, Instant};

use cumulo_testkit::{Cloud, World};
use futures::{StreamExt, stream};

/// As the node's own program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Who creates many VMs at once.
const CLIENTS: usize = 100;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => {
            create::run().await?;
            scale::run().await
        }
        Some("create") => create::run().await,
        Some("scale") => scale::run().await,
        Some(other) => anyhow::bail!("there is no benchmark '{other}'; there are create and scale"),
    }
}

/// Creates so many VMs, from that number on, by [`CLIENTS`] clients over HTTP; how long it took until the last one ran.
async fn create_many(world: &World, cloud: &Cloud, from: usize, count: usize) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let made = stream::iter(from..from + count)
        .map(|n| {
            let body = cloud.vm(&format!("many-{n}"));
            async move { world.call("POST", "/vm-instances", &body).await.is_ok() }
        })
        .buffer_unordered(CLIENTS)
        .filter(|made| std::future::ready(*made))
        .count()
        .await;
    anyhow::ensure!(made == count, "only {made} of {count} VMs were made");
    Ok(begun.elapsed())
}

fn print(name: &str, ours: f64, unit: &str, goal: &str) {
    println!("bench: {name} ours={ours:.1} {unit} goal={goal}");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn count(number: usize) -> f64 {
    number as f64
}

/// Resident memory of this process: the node, the simulated machines and the clients together.
fn resident_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()).unwrap_or_default().parse()?;
    Ok(kib / 1024.0)
}
