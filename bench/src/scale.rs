//! A thousand hosts and ten thousand VMs: whether the last thousand is as quick as the first, how much memory they take, how
//! quickly they go, what a delete of the whole zone would do, and that delete.

use std::time::Instant;

use cumulo_bench_report::Figure;
use serde_json::Value;

use crate::{
    Arguments,
    by_hand::{ByHand, Recording},
    clients::{create_many, delete_many},
    cloud::{Cloud, Machines},
    count, ms,
    stage::Stage,
};

const VMS: usize = 10_000;
/// VMs between two looks at the clock.
const PART: usize = 1_000;
/// Memory that an empty node may take, in MiB, and what a VM may add to that.
const EMPTY: f64 = 64.0;
const EACH: f64 = 1.0 / 1024.0;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (hosts, vms) = (arguments.hosts.unwrap_or(1_000), arguments.vms.unwrap_or(VMS));
    let mut stage = Stage::set(arguments.work_ms).await?;
    stage.start().await?;
    let begun = Instant::now();
    let cloud = Cloud::build(&stage, Machines::Agents, hosts).await?;
    Figure::new(format!("add-{hosts}-hosts"), "s", begun.elapsed().as_secs_f64()).tell()?;
    Figure::new(format!("memory-{hosts}-hosts"), "MiB", stage.resident_mib()?).at_most(EMPTY).tell()?;

    let (mut all, mut rates, begun) = (Vec::with_capacity(vms), Vec::new(), Instant::now());
    for from in (0..vms).step_by(PART) {
        let (made, took) = create_many(&stage, &cloud, from, PART.min(vms - from)).await?;
        rates.push(count(made.len()) / took.as_secs_f64());
        all.extend(made);
    }
    let rate = count(vms) / begun.elapsed().as_secs_f64();
    let memory = stage.resident_mib()?;
    // The first of them fetch the image onto their hosts, so the second thousand is the one to compare with.
    let (first, last) = (rates[1.min(rates.len() - 1)], rates[rates.len() - 1]);
    let figure = Figure::new(format!("memory-{vms}-vms"), "MiB", memory);
    figure.at_most(EMPTY + EACH * count(vms)).tell()?;

    let recording = Recording::make(&stage, &cloud).await?;
    let by_hand = ByHand::set(recording, hosts, arguments.work_ms).await?;
    let by_hand_rate = by_hand.create_many(vms).await?;
    let figure = Figure::new(format!("vm-create-{vms}"), "VMs/s", rate).limit(by_hand_rate);
    Figure { turns: rates, ..figure }.ratio_at_least(0.5).at_least(500.0).tell()?;
    Figure::new("vm-create-last-1000", "VMs/s", last).limit(first).ratio_at_least(0.95).tell()?;

    let zone = format!("/zones/{}", cloud.zone);
    let begun = Instant::now();
    let answer = stage.call("DELETE", &format!("{zone}?dryRun=true"), &Value::Null).await?;
    let took = begun.elapsed();
    let kinds = answer["plan"]["resources"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(kinds > 5, "the plan says nothing: {answer}");
    Figure::new("plan-zone", "ms", ms(took)).at_most(1_000.0).tell()?;

    let gone = delete_many(&stage, &all).await?;
    let gone_by_hand = by_hand.delete_all().await?;
    let figure = Figure::new(format!("vm-delete-{vms}"), "VMs/s", gone).limit(gone_by_hand);
    figure.ratio_at_least(0.5).tell()?;
    let begun = Instant::now();
    stage.call("DELETE", &zone, &Value::Null).await?;
    Figure::new("delete-zone", "s", begun.elapsed().as_secs_f64()).tell()?;
    stage.stop().await;
    Ok(())
}
