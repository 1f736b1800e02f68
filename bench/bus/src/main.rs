//! `make bench-bus`: a call between two nodes against the barest RPC that RabbitMQ offers, in the same process, over the
//! same broker, with the same text: a classic queue, acknowledged deliveries, direct replies, and nothing else: no
//! confirmation, deadline, memory of what came twice, or second try.
//!
//! The two take turns, so that what else the machine does falls on both; the ratio is of the medians of their rates.

mod bare;
mod nodes;

use std::time::{Duration, Instant};

use anyhow::Context;
use futures::{StreamExt, stream};

const TURNS: usize = 7;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("CUMULO_TEST_AMQP").context("CUMULO_TEST_AMQP names no broker; see scripts/with-broker")?;
    let (nodes, bare) = (nodes::Nodes::start(&url).await?, bare::Bare::start(&url).await?);
    for (clients, calls) in [(1, 1000), (64, 10_000)] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // The first turn warms up.
        for turn in 0..=TURNS {
            let rates = (rate(clients, calls, || nodes.call()).await?, rate(clients, calls, || bare.call()).await?);
            if turn > 0 {
                ours.push(rates.0);
                theirs.push(rates.1);
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!("bench: bus-call-{clients} ours={ours:.0} calls/s bare={theirs:.0}");
        println!("bench: bus-call-{clients}-ratio ours={:.2} ratio goal=0.9", ours / theirs);
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

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
