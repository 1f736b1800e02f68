//! A thousand hosts after the death of the node: how soon it has connected to all of them again, beside as many TLS handshakes,
//! and how quickly it answers meanwhile.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use cumulo_bench_report::{Figure, percentile};
use cumulo_sim_hosts::control::Kind;
use serde_json::Value;
use tokio::{pin, select, time::sleep};

use crate::{
    Arguments,
    cloud::{Cloud, Machines},
    count, handshakes, ms,
    stage::Stage,
};

/// What a node says to an agent that it connects to.
const HELLO: &str = "Connect";
/// Connections that a node makes at once when it has started: the setting `host/load.parallelismDegree`.
const AT_ONCE: usize = 100;
/// Between two looks at what agents were told, which takes some time by itself.
const LOOK: Duration = Duration::from_millis(250);
/// Between two calls of the client that is there meanwhile.
const PAUSE: Duration = Duration::from_millis(5);
/// Longest that it may take.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let hosts = arguments.hosts.unwrap_or(1_000);
    let mut stage = Stage::set(arguments.work_ms).await?;
    stage.start().await?;
    Cloud::build(&stage, Machines::Agents, hosts).await?;
    let before = hellos(&stage).await?;
    stage.kill().await;
    let begun = Instant::now();
    let ready = stage.start().await?;
    Figure::new(format!("start-{hosts}-hosts"), "ms", ms(ready)).at_most(1_000.0).tell()?;

    let (took, latencies) = watch(&stage, &before, begun).await?;
    stage.stop().await;
    let rate = count(hosts) / (took - ready).as_secs_f64();
    let handshakes = handshakes::rate(hosts, AT_ONCE).await?;
    let figure = Figure::new(format!("reconnect-{hosts}"), "hosts/s", rate).limit(handshakes);
    figure.ratio_at_least(0.7).tell()?;
    anyhow::ensure!(!latencies.is_empty(), "nobody asked anything meanwhile");
    let figure = Figure::new("reconnect-api-p99", "ms", percentile(&latencies, 99)).at_most(100.0);
    Figure { turns: latencies, ..figure }.tell()
}

/// How long after `begun` all hosts have been connected to again, and the milliseconds that calls took meanwhile.
async fn watch(stage: &Stage, before: &Greeted, begun: Instant) -> anyhow::Result<(Duration, Vec<f64>)> {
    let mut latencies = Vec::new();
    let all = async {
        while !are_all_greeted(stage, before).await? {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "the hosts are not connected within {PATIENCE:?}");
            sleep(LOOK).await;
        }
        anyhow::Ok(begun.elapsed())
    };
    pin!(all);
    loop {
        select! {
            took = &mut all => return Ok((took?, latencies)),
            took = ask(stage) => latencies.push(ms(took?)),
        }
    }
}

/// Tasks by host.
type Greeted = HashMap<String, HashSet<String>>;

/// The tasks by which each host was connected to.
async fn hellos(stage: &Stage) -> anyhow::Result<Greeted> {
    let machines = stage.machines().await?;
    let hosts = machines.into_iter().filter(|machine| machine.kind == Kind::KvmAgent);
    let mut greeted: Greeted = hosts.map(|machine| (machine.agent, HashSet::new())).collect();
    for execution in stage.executions().await? {
        if let Some(tasks) =
            greeted.get_mut(&execution.agent).filter(|_| execution.command == HELLO && execution.is_ended)
        {
            tasks.insert(execution.task);
        }
    }
    Ok(greeted)
}

/// Whether each host has been connected to again.
async fn are_all_greeted(stage: &Stage, before: &Greeted) -> anyhow::Result<bool> {
    let now = hellos(stage).await?;
    let is_new = |host: &str, task: &String| before.get(host).is_none_or(|tasks| !tasks.contains(task));
    Ok(now.iter().all(|(host, tasks)| tasks.iter().any(|task| is_new(host, task))))
}

/// How long a call takes that lists zones, after a pause.
async fn ask(stage: &Stage) -> anyhow::Result<Duration> {
    sleep(PAUSE).await;
    let begun = Instant::now();
    stage.call("GET", "/zones", &Value::Null).await?;
    Ok(begun.elapsed())
}
