//! VMs on a few hosts: one after the other, and a thousand at once.

use std::time::Instant;

use cumulo_testkit::World;

use crate::{count, create_many, ms, print, resident_mib};

/// VMs made one after the other, and at once.
const SINGLE: usize = 100;
const MANY: usize = 1_000;
/// Simulated hosts.
const HOSTS: usize = 10;

/// How long the agents of all hosts have worked on commands, in seconds, as they say themselves.
fn agents_own(world: &World) -> f64 {
    let metrics = world.sims.worlds().into_keys().map(|host| world.sims.host(host).runtime().metrics_text());
    let seconds = |text: &str| -> f64 {
        let sums = text.lines().filter(|line| line.starts_with("cumulo_agent_command_seconds_sum"));
        sums.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    metrics.map(|text| seconds(&text)).sum()
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut world = World::new().await;
    print("start-to-logged-in", ms(begun.elapsed()), "ms", "1000");
    print("memory-empty", resident_mib()?, "MiB", "64");
    let cloud = world.large_cloud(HOSTS).await;
    world.make("POST", "/vm-instances", cloud.vm("warm-up")).await;

    let mut times = Vec::with_capacity(SINGLE);
    let agents_before = agents_own(&world);
    for n in 0..SINGLE {
        let begun = Instant::now();
        world.make("POST", "/vm-instances", cloud.vm(&format!("single-{n}"))).await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let agents = (agents_own(&world) - agents_before) * 1e3 / count(SINGLE);
    let (p50, p99) = (ms(times[SINGLE / 2]), ms(times[SINGLE * 99 / 100]));
    print("vm-create-1-p50", p50, "ms", "-");
    print("vm-create-1-agents-own", agents, "ms", "-");
    print("vm-create-1-p50-over-agents", p50 - agents, "ms", "5");
    print("vm-create-1-p99-over-agents", p99 - agents, "ms", "-");

    let took = create_many(&world, &cloud, 0, MANY).await?;
    print("vm-create-1000", took.as_secs_f64(), "s", "2");
    print("vm-create-rate", count(MANY) / took.as_secs_f64(), "VMs/s", "500");
    print("memory-1000-vms", resident_mib()?, "MiB", "300");
    world.stop().await;
    Ok(())
}
