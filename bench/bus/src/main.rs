//! `make bench NAME=bus`: a call between two nodes against the barest RPC that RabbitMQ offers, in the same process, over the
//! same broker, with the same text: a classic queue, acknowledged deliveries, direct replies, and nothing else: no
//! confirmation, deadline, memory of what came twice, or second try.
//!
//! The two take turns, so that what else the machine does falls on both; the ratio is of the medians of their rates.

mod bare;
mod nodes;

use std::time::{Duration, Instant};

use anyhow::Context;
use cumulo_bench_report::{Figure, in_turns};
use futures::{StreamExt, stream};

const TURNS: usize = 7;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("CUMULO_TEST_AMQP").context("CUMULO_TEST_AMQP names no broker; see scripts/with-broker")?;
    let (nodes, bare) = (nodes::Nodes::start(&url).await?, bare::Bare::start(&url).await?);
    for (clients, calls) in [(1, 1000), (64, 10_000)] {
        let ours = async || rate(clients, calls, || nodes.call()).await;
        let theirs = async || rate(clients, calls, || bare.call()).await;
        let turns = in_turns(TURNS, ours, theirs).await?;
        Figure::beside(format!("bus-remote-{clients}"), "calls/s", turns).ratio_at_least(0.9).tell()?;
    }
    nodes.stop().await;
    Ok(())
}

/// Calls a second, of `clients` that call one after another.
async fn rate<F: Future<Output = anyhow::Result<()>>>(
    clients: usize,
    calls: u32,
    call: impl Fn() -> F,
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let answered = stream::iter(0..calls).map(|_| call()).buffer_unordered(clients);
    let failed = answered.filter_map(|answer| std::future::ready(answer.err())).collect::<Vec<_>>();
    let failed = tokio::time::timeout(Duration::from_mins(2), failed).await.context("calls hang")?;
    failed.into_iter().next().map_or(Ok(()), Err)?;
    Ok(f64::from(calls) / begun.elapsed().as_secs_f64())
}
