//! VMs on a few hosts: one after the other, and a thousand at once.

use std::time::Instant;

use crate::{Arguments, cloud::Cloud, count, create_many, ms, print, stage::Stage};

/// VMs made one after the other, and at once.
const SINGLE: usize = 100;
const MANY: usize = 1_000;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut stage = Stage::set(arguments.work_ms).await?;
    let begun = Instant::now();
    stage.start().await?;
    print("start-to-logged-in", ms(begun.elapsed()), "ms", "1000");
    print("memory-empty", stage.resident_mib()?, "MiB", "64");
    let cloud = Cloud::build(&stage, arguments.hosts.unwrap_or(10)).await?;
    stage.make("/vm-instances", &cloud.vm("warm-up")).await?;

    let mut times = Vec::with_capacity(SINGLE);
    let agents_before = stage.agents_own().await?;
    for n in 0..SINGLE {
        let begun = Instant::now();
        stage.make("/vm-instances", &cloud.vm(&format!("single-{n}"))).await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let agents = (stage.agents_own().await? - agents_before) / count(SINGLE);
    let (p50, p99) = (ms(times[SINGLE / 2]), ms(times[SINGLE * 99 / 100]));
    print("vm-create-1-p50", p50, "ms", "-");
    print("vm-create-1-agents-own", agents, "ms", "-");
    print("vm-create-1-p50-over-agents", p50 - agents, "ms", "5");
    print("vm-create-1-p99-over-agents", p99 - agents, "ms", "-");

    let took = create_many(&stage, &cloud, 0, MANY).await?;
    print("vm-create-1000", took.as_secs_f64(), "s", "2");
    print("vm-create-rate", count(MANY) / took.as_secs_f64(), "VMs/s", "500");
    print("memory-1000-vms", stage.resident_mib()?, "MiB", "300");
    stage.stop().await;
    Ok(())
}
