//! Load that does not end: a node at four fifths of what it can do, then at three times that, and what is left afterwards.
//!
//! VMs live all kinds of lives at a rate that does not depend on how quick the node is, as clients do not. Over its capacity a
//! node has to say no, at once and clearly, and do as much as ever of the rest; then it has to give everything back: what is
//! held is counted before and after, where before is after a burst of the same kind, which fills what is kept on purpose
//! (readers of the database, threads that wait for work, copies of the image). Whatever it holds in addition is a leak.

mod holdings;
mod life;
mod load;

use std::{net::TcpListener, time::Duration};

use cumulo_bench_report::{Figure, percentile};
use serde_json::{Value, json};

use crate::{
    Arguments,
    clients::create_many,
    cloud::{Cloud, Machines},
    count,
    stage::Stage,
};
use holdings::{Looking, free_port, sum};
use load::{Phase, as_many_as_can_be, at_rate};

/// Hosts where nobody says otherwise.
const HOSTS: usize = 20;
/// How many jobs run and wait: what two processors get done in a few seconds, so that a short overload fills it.
const BOUNDS: [(&str, usize); 2] = [("running.max", 64), ("waiting.max", 512)];
/// What the steady load and the overload are of the capacity.
const STEADY: f64 = 0.8;
const OVERLOAD: f64 = 3.0;
/// Parts of the length: looking for the capacity, steady without and with a dead web hook, and overload.
const PARTS: [f64; 4] = [0.1, 0.3, 0.3, 0.3];

/// Runs it for so many seconds.
///
/// # Errors
/// When it could not be run, something failed that should not have, or something leaked.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let length = Duration::from_secs(arguments.seconds);
    let [finding, first, second, over] = PARTS.map(|part| length.mul_f64(part));
    let (hosts, metrics) = (arguments.hosts.unwrap_or(HOSTS), free_port()?);
    let config = format!("metrics_listen = '127.0.0.1:{metrics}'");
    let mut stage = Stage::set_with(arguments.work_ms, &config).await?;
    stage.start().await?;
    let ended = {
        let stage = &stage;
        let cloud = Cloud::build(stage, Machines::Agents, hosts).await?;
        for (name, value) in BOUNDS {
            stage.configure("job", name, &value.to_string()).await?;
        }
        let looking = Looking::new(stage, metrics)?;
        let capacity = warm_up(stage, &cloud, hosts, finding).await?;
        looking.until_idle().await?;
        let before = looking.now().await?;
        let memory_before = stage.resident_mib()?;

        let mut wrong = Vec::new();
        let without = at_rate(stage, &cloud, STEADY * capacity.lives, first).await?;
        let hook = DeadHook::make(stage).await?;
        let with = at_rate(stage, &cloud, STEADY * capacity.lives, second).await?;
        tell_steady(&without, &with, &mut wrong)?;
        let memory_steady = stage.resident_mib()?;

        let overload = at_rate(stage, &cloud, OVERLOAD * capacity.lives, over).await?;
        let memory_over = stage.resident_mib()?;
        tell_overload(&overload, &capacity, &mut wrong)?;
        let phases = [without, with, overload];

        hook.remove(stage).await?;
        clean(stage, &phases).await?;
        looking.until_idle().await?;
        let more = looking.more_than(&before).await?;
        let rows = |name: &str| name.starts_with("rows of ");
        for (what, held) in [
            ("files", sum(&more, |name| name == "files")),
            ("threads", sum(&more, |name| name == "threads")),
            ("tasks", sum(&more, |name| name == "tasks")),
            ("rows", sum(&more, rows)),
            ("machines", sum(&more, |name| name == "guests" || name == "images")),
        ] {
            Figure::new(format!("soak-leaked-{what}"), "", held).at_most(0.0).tell()?;
        }
        wrong.extend(more.iter().map(|(name, more)| format!("leaked: {more} {name}")));
        Figure::new("soak-memory-before", "MiB", memory_before).tell()?;
        Figure::new("soak-memory-steady", "MiB", memory_steady).tell()?;
        Figure::new("soak-memory-overload", "MiB", memory_over).tell()?;
        let after = Figure::new("soak-memory-after", "MiB", stage.resident_mib()?).limit(memory_before);
        let after = after.ratio_at_most(MEMORY);
        if after.is_met() == Some(false) {
            wrong.push(format!("memory: {:.0} MiB after, {memory_before:.0} MiB before", after.ours));
        }
        after.tell()?;
        wrong
    };
    stage.stop().await;
    anyhow::ensure!(ended.is_empty(), "the soak went wrong:\n{}", ended.join("\n"));
    Ok(())
}

/// What a node gets done a second where it has as much to do as it can.
struct Capacity {
    lives: f64,
    jobs: f64,
}

/// What memory may be afterwards of what it was before: allocators keep some for a while.
const MEMORY: f64 = 1.3;

/// Every host has fetched the image, and everything that is kept on purpose is there; how many lives a second there can be.
async fn warm_up(stage: &Stage, cloud: &Cloud, hosts: usize, length: Duration) -> anyhow::Result<Capacity> {
    let (made, _) = create_many(stage, cloud, 0, 2 * hosts).await?;
    crate::clients::delete_many(stage, &made).await?;
    let burst = as_many_as_can_be(stage, cloud, length / 4).await?;
    anyhow::ensure!(burst.seen.failed.is_empty(), "{}", burst.seen.failed[0]);
    let flood = at_rate(stage, cloud, OVERLOAD * burst.rate(), length / 4).await?;
    clean(stage, &[burst, flood]).await?;
    let found = as_many_as_can_be(stage, cloud, length / 2).await?;
    anyhow::ensure!(found.seen.failed.is_empty(), "{}", found.seen.failed[0]);
    let capacity = Capacity { lives: found.rate(), jobs: count(found.seen.jobs.len()) / found.took.as_secs_f64() };
    Figure::new("soak-capacity", "jobs/s", capacity.jobs).tell()?;
    Ok(capacity)
}

fn tell_steady(without: &Phase, with: &Phase, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let [bare, hooked] = [without, with].map(|phase| phase.seen.jobs.as_slice());
    Figure::new("soak-steady-jobs", "jobs", count(bare.len() + hooked.len())).tell()?;
    Figure::new("soak-steady-p50", "ms", percentile(bare, 50)).tell()?;
    Figure::new("soak-steady-p99", "ms", percentile(bare, 99)).tell()?;
    Figure::new("soak-steady-questions-p99", "ms", percentile(&without.seen.questions, 99)).tell()?;
    let dead = Figure::new("soak-dead-hook-p50", "ms", percentile(hooked, 50)).limit(percentile(bare, 50));
    dead.ratio_at_most(1.25).tell()?;
    for phase in [without, with] {
        wrong.extend(first_of("steady: failed", &phase.seen.failed));
        if phase.seen.shed > 0 {
            wrong.push(format!("steady: {} calls were shed below the capacity", phase.seen.shed));
        }
    }
    Ok(())
}

fn tell_overload(overload: &Phase, capacity: &Capacity, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let seen = &overload.seen;
    // What a full line takes.
    let line = count(BOUNDS.iter().map(|(_, bound)| bound).sum()) / capacity.jobs;
    let p99 = percentile(&seen.jobs, 99) / 1e3;
    let done = count(seen.jobs.len()) / overload.took.as_secs_f64();
    let figure = Figure::new("soak-overload-rate", "jobs/s", done).limit(capacity.jobs);
    figure.ratio_at_least(0.8).tell()?;
    Figure::new("soak-overload-shed", "calls", count(seen.shed)).at_least(1.0).tell()?;
    Figure::new("soak-overload-longest-pause", "s", count(usize::try_from(seen.longest_pause)?)).tell()?;
    let figure = Figure::new("soak-overload-p99", "s", p99).limit(line).ratio_at_most(3.0);
    if figure.is_met() == Some(false) {
        wrong.push(format!("overload: a job took {p99:.1} s, where the line takes {line:.1} s"));
    }
    figure.tell()?;
    wrong.extend(first_of("overload: failed", &seen.failed));
    if seen.shed == 0 {
        wrong.push("overload: nothing was shed".to_owned());
    }
    Ok(())
}

/// The first of `failed`, with how many there are.
fn first_of(what: &str, failed: &[String]) -> Option<String> {
    failed.first().map(|first| format!("{what}: {} calls, of which the first: {first}", failed.len()))
}

/// Removes the VMs whose lives were cut short.
async fn clean(stage: &Stage, phases: &[Phase]) -> anyhow::Result<()> {
    let left: Vec<String> = phases.iter().flat_map(|phase| phase.seen.left.iter().cloned()).collect();
    crate::clients::delete_many(stage, &left).await.map(drop)
}

/// A web hook of everything, whose receiver takes connections and never answers.
struct DeadHook {
    uuid: String,
    _receiver: TcpListener,
}

impl DeadHook {
    async fn make(stage: &Stage) -> anyhow::Result<Self> {
        let receiver = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/", receiver.local_addr()?);
        let hook = json!({ "name": "dead", "type": "CanonicalEvent", "url": url });
        let hook = stage.make("/web-hooks", &hook).await?;
        let uuid = hook["uuid"].as_str().unwrap_or_default().to_owned();
        Ok(Self { uuid, _receiver: receiver })
    }

    async fn remove(self, stage: &Stage) -> anyhow::Result<()> {
        stage.call("DELETE", &format!("/web-hooks/{}", self.uuid), &Value::Null).await.map(drop)
    }
}
