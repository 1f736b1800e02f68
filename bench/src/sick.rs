//! Ten of a thousand hosts answer nothing: whether VMs on the others are made as quickly as without them, and what becomes of
//! those that were to be on the ten.
//!
//! Clients do not wait for who does not answer: after [`IMPATIENCE`] they go on with the next VM, and what they left is looked
//! at afterwards. So what is counted is whether the node holds anybody up who has nothing to do with the ten.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use cumulo_bench_report::{Figure, in_turns};
use cumulo_sim_hosts::control::Order;
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream,
};
use tokio::time::timeout;

use crate::{
    Arguments,
    clients::{CLIENTS, create, create_many},
    cloud::{Cloud, Machines, host_address},
    count,
    stage::Stage,
};

/// Hosts that hang.
const SICK: usize = 10;
/// VMs of one turn where nobody says otherwise.
const VMS: usize = 1_000;
const TURNS: usize = 3;
/// How long a client waits for a VM: many times as long as one takes.
const IMPATIENCE: Duration = Duration::from_secs(2);
/// How long a caller is left to wait at most before that is the figure.
const PATIENCE: Duration = Duration::from_mins(3);
/// How soon a host is found away: settings of `host`, in seconds. With three pings a second apart, the last of them is given up
/// 13 seconds after the last one that was answered, at the latest.
const SETTINGS: [(&str, &str); 2] = [("ping.interval", "5"), ("ping.timeout", "2")];
/// What a caller may have to wait by that, in seconds, with a few for what has to be undone.
const SOON: f64 = 18.0;

/// What became of the VMs of one turn.
struct Turn<'s> {
    /// VMs a second, until the last one that was made in time.
    rate: f64,
    /// Calls that were soon answered with an error: their host was known not to answer.
    refused: usize,
    /// Calls that are not answered yet.
    left: Vec<Left<'s>>,
}

/// A call that is not answered yet, and since when it waits.
struct Left<'s> {
    since: Instant,
    call: BoxFuture<'s, anyhow::Result<String>>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (hosts, vms) = (arguments.hosts.unwrap_or(1_000), arguments.vms.unwrap_or(VMS));
    let mut stage = Stage::set(arguments.work_ms).await?;
    stage.start().await?;
    let cloud = Cloud::build(&stage, Machines::Agents, hosts).await?;
    // Every host has fetched the image.
    create_many(&stage, &cloud, 0, 2 * hosts).await?;
    let sick: Vec<IpAddr> = (0..SICK.min(hosts)).map(|n| host_address(stage.network, n)).collect();
    {
        let (stage, cloud, sick) = (&stage, &cloud, &sick);
        let with = async || {
            hang(stage, sick, true).await?;
            let turn = make(stage, cloud, vms).await;
            hang(stage, sick, false).await?;
            // What was asked of the ten meanwhile they do now, or it was given up: that is another figure.
            for left in turn.left {
                let _ = left.call.await;
            }
            Ok(turn.rate)
        };
        let without = async || {
            let turn = make(stage, cloud, vms).await;
            anyhow::ensure!(turn.left.is_empty(), "{} VMs took longer than {IMPATIENCE:?}", turn.left.len());
            anyhow::ensure!(turn.refused == 0, "{} VMs failed", turn.refused);
            Ok(turn.rate)
        };
        let turns = in_turns(TURNS, with, without).await?;
        Figure::beside(format!("sick-{SICK}-of-{hosts}"), "VMs/s", turns).ratio_at_least(0.95).tell()?;
        answered(stage, cloud, sick, vms).await?;
    }
    stage.stop().await;
    Ok(())
}

/// How long those wait who called for a VM on a host that does not come back.
async fn answered(stage: &Stage, cloud: &Cloud, sick: &[IpAddr], vms: usize) -> anyhow::Result<()> {
    for (name, value) in SETTINGS {
        stage.configure("host", name, value).await?;
    }
    hang(stage, sick, true).await?;
    let turn = make(stage, cloud, vms).await;
    anyhow::ensure!(!turn.left.is_empty(), "no VM was to be on a sick host");
    let ends = turn.left.into_iter().map(|mut left| async move {
        let end = timeout(PATIENCE.saturating_sub(left.since.elapsed()), &mut left.call).await.ok();
        (end, left.since.elapsed(), left.call)
    });
    let (mut made, mut reported, mut open, mut longest) = (0, turn.refused, Vec::new(), Duration::ZERO);
    for (end, took, call) in join_all(ends).await {
        longest = longest.max(took);
        match end {
            Some(Ok(_)) => made += 1,
            Some(Err(_)) => reported += 1,
            None => open.push(call),
        }
    }
    let open_count = open.len();
    println!("sick: of {vms} VMs {made} were made late, {reported} reported as failed, {open_count} not answered");
    Figure::new("sick-unanswered", "s", longest.as_secs_f64()).at_most(SOON).tell()?;
    hang(stage, sick, false).await?;
    for call in open {
        // However it ends: the node is not to be stopped in the midst of it.
        let _ = call.await;
    }
    Ok(())
}

/// Has clients make so many VMs, who leave those that are not made in time.
async fn make<'s>(stage: &'s Stage, cloud: &'s Cloud, vms: usize) -> Turn<'s> {
    let calls = stream::iter(0..vms).map(|n| async move {
        let (since, mut call) = (Instant::now(), create(stage, cloud, format!("sick-{n}")).boxed());
        match timeout(IMPATIENCE, &mut call).await {
            Ok(end) => Ok(end),
            Err(_) => Err(Left { since, call }),
        }
    });
    let mut calls = calls.buffer_unordered(CLIENTS);
    let begun = Instant::now();
    let (mut made, mut took, mut refused, mut left) = (0, Duration::ZERO, 0, Vec::new());
    while let Some(ended) = calls.next().await {
        match ended {
            Ok(Ok(_)) => (made, took) = (made + 1, begun.elapsed()),
            Ok(Err(_)) => refused += 1,
            Err(call) => left.push(call),
        }
    }
    Turn { rate: count(made) / took.as_secs_f64(), refused, left }
}

async fn hang(stage: &Stage, machines: &[IpAddr], hangs: bool) -> anyhow::Result<()> {
    for machine in machines.iter().copied() {
        stage.order(&if hangs { Order::Hang { machine } } else { Order::Release { machine } }).await?;
    }
    Ok(())
}
