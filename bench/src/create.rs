//! VMs on a few hosts: one after the other, and a thousand at once.

use std::time::Instant;

use cumulo_testkit::World;

use crate::{count, create_many, ms, print, resident_mib};

/// VMs made one after the other, and at once.
const SINGLE: usize = 100;
const MANY: usize = 1_000;
/// Simulated hosts.
const HOSTS: usize = 10;

pub(crate) async fn run() -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut world = World::new().await;
    print("start-to-logged-in", ms(begun.elapsed()), "ms", "1000");
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

    let took = create_many(&world, &cloud, 0, MANY).await?;
    print("vm-create-1000", took.as_secs_f64(), "s", "2");
    print("vm-create-rate", count(MANY) / took.as_secs_f64(), "VMs/s", "500");
    print("memory-1000-vms", resident_mib()?, "MiB", "300");
    world.stop().await;
    Ok(())
}
