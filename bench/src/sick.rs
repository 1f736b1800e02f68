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
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::json;
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
/// How soon the node is to have answered for every VM that was to be on a sick host: one that is silent for a minute is away,
/// and what is undone there is tried once more.
const PATIENCE: Duration = Duration::from_mins(3);
/// How soon a host is found away: settings of `host`, in seconds.
const SETTINGS: [(&str, &str); 2] = [("ping.interval", "5"), ("ping.timeout", "2")];

/// What became of the VMs of one turn.
struct Turn<'s> {
    /// VMs a second, until the last one that was made in time.
    rate: f64,
    /// Calls that are not answered yet.
    left: Vec<BoxFuture<'s, anyhow::Result<String>>>,
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
            let turn = make(stage, cloud, vms).await?;
            hang(stage, sick, false).await?;
            // What was asked of the ten meanwhile they do now.
            for left in turn.left {
                left.await?;
            }
            Ok(turn.rate)
        };
        let without = async || {
            let turn = make(stage, cloud, vms).await?;
            anyhow::ensure!(turn.left.is_empty(), "{} VMs took longer than {IMPATIENCE:?}", turn.left.len());
            Ok(turn.rate)
        };
        let turns = in_turns(TURNS, with, without).await?;
        Figure::beside(format!("sick-{SICK}-of-{hosts}"), "VMs/s", turns).ratio_at_least(0.95).tell()?;
        answered(stage, cloud, sick, vms).await?;
    }
    stage.stop().await;
    Ok(())
}

/// What the node says of VMs on hosts that do not come back: it finds them away, and chooses others or says so.
async fn answered(stage: &Stage, cloud: &Cloud, sick: &[IpAddr], vms: usize) -> anyhow::Result<()> {
    for (name, value) in SETTINGS {
        let update = json!({ "updateGlobalConfig": { "value": value } });
        stage.call("PUT", &format!("/global-configurations/host/{name}/actions"), &update).await?;
    }
    hang(stage, sick, true).await?;
    let begun = Instant::now();
    let turn = make(stage, cloud, vms).await?;
    anyhow::ensure!(!turn.left.is_empty(), "no VM was to be on a sick host");
    let (mut elsewhere, mut reported, mut open) = (0, 0, Vec::new());
    for mut left in turn.left {
        match timeout(PATIENCE.saturating_sub(begun.elapsed()), &mut left).await {
            Ok(Ok(_)) => elsewhere += 1,
            Ok(Err(_)) => reported += 1,
            Err(_) => open.push(left),
        }
    }
    println!("sick: of {vms} VMs {elsewhere} were made elsewhere after all, and {reported} reported as failed");
    Figure::new("sick-answered", "s", begun.elapsed().as_secs_f64()).tell()?;
    Figure::new("sick-unanswered", "VMs", count(open.len())).at_most(0.0).tell()?;
    hang(stage, sick, false).await?;
    for left in open {
        // However it ends: the node is not to be stopped in the midst of it.
        let _ = left.await;
    }
    Ok(())
}

/// Has clients make so many VMs, who leave those that are not made in time.
async fn make<'s>(stage: &'s Stage, cloud: &'s Cloud, vms: usize) -> anyhow::Result<Turn<'s>> {
    let calls = stream::iter(0..vms).map(|n| async move {
        let mut call = create(stage, cloud, format!("sick-{n}")).boxed();
        match timeout(IMPATIENCE, &mut call).await {
            Ok(made) => made.map(|_| None),
            Err(_) => Ok(Some(call)),
        }
    });
    let mut calls = calls.buffer_unordered(CLIENTS);
    let begun = Instant::now();
    let (mut made, mut took, mut left) = (0, Duration::ZERO, Vec::new());
    while let Some(ended) = calls.next().await {
        match ended? {
            None => (made, took) = (made + 1, begun.elapsed()),
            Some(call) => left.push(call),
        }
    }
    Ok(Turn { rate: count(made) / took.as_secs_f64(), left })
}

async fn hang(stage: &Stage, machines: &[IpAddr], hangs: bool) -> anyhow::Result<()> {
    for machine in machines.iter().copied() {
        stage.order(&if hangs { Order::Hang { machine } } else { Order::Release { machine } }).await?;
    }
    Ok(())
}
