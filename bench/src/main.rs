//! `make bench`: how quick the node is, with every commit durable before anything follows from it. The node and the hosts are
//! processes of their own, as they are in life. `make bench NAME=create` or `NAME=scale` runs one part; `--hosts` and
//! `--work-ms` make it another one.
//!
//! Each line is `bench: <name> ours=<value> <unit> goal=<value>`. Absolute times drift between machines; where there is a
//! limit to compare with, it is measured in the same run and the ratio printed.

mod cloud;
mod create;
mod scale;
mod stage;

use std::time::Duration;

use clap::{Parser, ValueEnum};
use cloud::Cloud;
use futures::{StreamExt, stream};
use stage::Stage;

/// Who creates many VMs at once.
const CLIENTS: usize = 100;

/// How quick the node is.
#[derive(Debug, Parser)]
struct Arguments {
    /// The part to run; all where absent.
    part: Option<Part>,
    /// How many hosts; 10 for create and 1,000 for scale where absent.
    #[arg(long)]
    hosts: Option<usize>,
    /// How much longer every command of a host takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    work_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// VMs on a few hosts: one after the other, and a thousand at once.
    Create,
    /// A thousand hosts and ten thousand VMs.
    Scale,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.part != Some(Part::Scale) {
        create::run(&arguments).await?;
    }
    if arguments.part != Some(Part::Create) {
        scale::run(&arguments).await?;
    }
    Ok(())
}

/// Creates so many VMs, from that number on, by [`CLIENTS`] clients over HTTP; how long it took until the last one ran.
async fn create_many(stage: &Stage, cloud: &Cloud, from: usize, count: usize) -> anyhow::Result<Duration> {
    let begun = std::time::Instant::now();
    let made = stream::iter(from..from + count)
        .map(|n| {
            let body = cloud.vm(&format!("many-{n}"));
            async move { stage.make("/vm-instances", &body).await.is_ok() }
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
