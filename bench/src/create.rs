//! VMs on a few hosts: one after the other, and a thousand at once.

use std::time::Instant;

use cumulo_bench_report::{Figure, in_turns, median, percentile};

use crate::{
    Arguments,
    by_hand::{ByHand, Recording},
    clients::{create, create_many},
    cloud::{Cloud, Machines},
    count, ms,
    stage::Stage,
};

/// VMs made one after the other, each in turn with one by hand.
const SINGLE: usize = 100;
/// VMs made at once where nobody says otherwise.
const MANY: usize = 1_000;
/// VMs of each host before anything is measured: the first one fetches the image.
const WARM_UP: usize = 3;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (hosts, many) = (arguments.hosts.unwrap_or(10), arguments.vms.unwrap_or(MANY));
    let mut stage = Stage::set(arguments.work_ms).await?;
    let ready = stage.start().await?;
    Figure::new("start", "ms", ms(ready)).at_most(1_000.0).tell()?;
    Figure::new("memory-empty", "MiB", stage.resident_mib()?).at_most(64.0).tell()?;
    let cloud = Cloud::build(&stage, Machines::Agents, hosts).await?;
    create_many(&stage, &cloud, 0, WARM_UP * hosts).await?;
    let recording = Recording::make(&stage, &cloud).await?;
    let by_hand = ByHand::set(recording, hosts, arguments.work_ms).await?;

    let (mut n, agents_before) = (0, stage.agents_own().await?);
    let ours = async || {
        n += 1;
        let begun = Instant::now();
        create(&stage, &cloud, format!("single-{n}")).await?;
        Ok(ms(begun.elapsed()))
    };
    let limit = async || {
        let begun = Instant::now();
        by_hand.create().await?;
        Ok(ms(begun.elapsed()))
    };
    let turns = in_turns(SINGLE, ours, limit).await?;
    // The turn that warmed up was one more.
    let agents = (stage.agents_own().await? - agents_before) / count(SINGLE + 1);
    let one = Figure::beside("vm-create-1", "ms", turns).ratio_at_most(3.0);
    let (p50, p99) = (one.ours, percentile(&one.turns, 99));
    one.tell()?;
    Figure::new("vm-create-1-agents-own", "ms", agents).tell()?;
    Figure::new("vm-create-1-over-agents", "ms", p50 - agents).at_most(5.0).tell()?;
    Figure::new("vm-create-1-p99", "ms", p99).tell()?;

    let (_, took) = create_many(&stage, &cloud, WARM_UP * hosts, many).await?;
    let by_hand_rate = by_hand.create_many(many).await?;
    let rate = count(many) / took.as_secs_f64();
    let figure = Figure::new(format!("vm-create-{many}"), "VMs/s", rate).limit(by_hand_rate);
    figure.ratio_at_least(0.5).at_least(500.0).tell()?;
    Figure::new(format!("memory-{many}-vms"), "MiB", stage.resident_mib()?).tell()?;
    stage.stop().await;
    Ok(())
}

/// The same on hosts of the simulator plugin, where nobody but the node does anything.
pub(crate) async fn simulated(arguments: &Arguments) -> anyhow::Result<()> {
    let (hosts, many) = (arguments.hosts.unwrap_or(10), arguments.vms.unwrap_or(MANY));
    let mut stage = Stage::set(arguments.work_ms).await?;
    stage.start().await?;
    let cloud = Cloud::build(&stage, Machines::Simulated, hosts).await?;
    create_many(&stage, &cloud, 0, WARM_UP * hosts).await?;
    let mut turns = Vec::with_capacity(SINGLE);
    for n in 0..SINGLE {
        let begun = Instant::now();
        create(&stage, &cloud, format!("single-{n}")).await?;
        turns.push(ms(begun.elapsed()));
    }
    Figure::new("vm-create-1-simulated", "ms", median(&turns)).at_most(5.0).tell()?;
    let (_, took) = create_many(&stage, &cloud, WARM_UP * hosts, many).await?;
    Figure::new(format!("vm-create-{many}-simulated"), "s", took.as_secs_f64()).at_most(2.0).tell()?;
    stage.stop().await;
    Ok(())
}
