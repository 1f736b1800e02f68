//! A thousand hosts and ten thousand VMs: whether the last thousand is as quick as the first, what a delete of the whole zone
//! would do, and that delete.

use std::time::Instant;

use serde_json::Value;

use crate::{Arguments, cloud::Cloud, count, create_many, ms, print, stage::Stage};

const VMS: usize = 10_000;
/// VMs between two looks at the clock.
const PART: usize = 1_000;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let hosts = arguments.hosts.unwrap_or(1_000);
    let mut stage = Stage::set(arguments.work_ms).await?;
    stage.start().await?;
    let begun = Instant::now();
    let cloud = Cloud::build(&stage, hosts).await?;
    print(&format!("add-{hosts}-hosts"), begun.elapsed().as_secs_f64(), "s", "-");
    print(&format!("memory-{hosts}-hosts"), stage.resident_mib()?, "MiB", "-");
    stage.make("/vm-instances", &cloud.vm("warm-up")).await?;

    let mut rates = Vec::new();
    for from in (0..VMS).step_by(PART) {
        let took = create_many(&stage, &cloud, from, PART).await?;
        rates.push(count(PART) / took.as_secs_f64());
    }
    let (first, last) = (rates[0], rates[rates.len() - 1]);
    print("vm-create-rate-first-1000", first, "VMs/s", "500");
    println!(
        "bench: vm-create-rate-last-1000 ours={last:.1} VMs/s limit={first:.1} ratio={:.3} goal=0.95",
        last / first
    );
    print("memory-10000-vms", stage.resident_mib()?, "MiB", "-");

    let zone = format!("/zones/{}", cloud.zone);
    let begun = Instant::now();
    let answer = stage.call("DELETE", &format!("{zone}?dryRun=true"), &Value::Null).await?;
    let took = begun.elapsed();
    let kinds = answer["plan"]["resources"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(kinds > 5, "the plan says nothing: {answer}");
    print("plan-zone", ms(took), "ms", "1000");
    let begun = Instant::now();
    stage.call("DELETE", &zone, &Value::Null).await?;
    print("delete-zone", begun.elapsed().as_secs_f64(), "s", "-");
    stage.stop().await;
    Ok(())
}
