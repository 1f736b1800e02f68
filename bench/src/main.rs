//! `make bench`: how quick the node is, with simulated machines in the same process and every commit durable.
//!
//! Each line is `bench: <name> ours=<value> <unit> goal=<value>`. Absolute times drift between machines; where there is a
//! limit to compare with, it is measured in the same run and the ratio printed.

use std::time::{Duration, Instant};

use cumulo_testkit::World;
use futures::{StreamExt, stream};

/// As the node's own program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// VMs made one after the other, and at once.
const SINGLE: usize = 100;
const MANY: usize = 1000;
const CLIENTS: usize = 100;
/// Simulated hosts.
const HOSTS: usize = 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let begun = Instant::now();
    let world = World::new().await;
    print("start-to-logged-in", begun.elapsed().as_secs_f64() * 1e3, "ms", "1000");
    print("memory-empty", resident_mib()?, "MiB", "64");
    let cloud = world.large_cloud(HOSTS).await;
    world.make("POST", "/vm-instances", cloud.vm("warm-up")).await;

    let mut times = Vec::with_capacity(SINGLE);
    for n in 0..SINGLE {
        let begun = Instant::now();
        world.make("POST", "/vm-instances", cloud.vm(&format!("single-{n}"))).await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    print("vm-create-1-p50", ms(times[SINGLE / 2]), "ms", "5");
    print("vm-create-1-p99", ms(times[SINGLE * 99 / 100]), "ms", "5");

    let begun = Instant::now();
    let made = stream::iter(0..MANY)
        .map(|n| {
            let (world, body) = (&world, cloud.vm(&format!("many-{n}")));
            async move { world.call("POST", "/vm-instances", &body).await.is_ok() }
        })
        .buffer_unordered(CLIENTS)
        .filter(|made| std::future::ready(*made))
        .count()
        .await;
    let took = begun.elapsed();
    anyhow::ensure!(made == MANY, "only {made} of {MANY} VMs were made");
    print("vm-create-1000", took.as_secs_f64(), "s", "2");
    print("vm-create-rate", count(MANY) / took.as_secs_f64(), "VMs/s", "500");
    print("memory-1000-vms", resident_mib()?, "MiB", "300");
    Ok(())
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
