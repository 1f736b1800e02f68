//! How many lives at once, or a second.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::time::{MissedTickBehavior, interval};

use super::life::{Clients, Seen};
use crate::{cloud::Cloud, count, stage::Stage};

/// Lives that go on at once where it is looked how many a second there can be: enough to keep the processors busy.
const AT_ONCE: usize = 64;

/// Gives VMs of all phases names of their own.
static NAMES: AtomicUsize = AtomicUsize::new(0);

/// What a phase came to.
pub(super) struct Phase {
    pub(super) seen: Seen,
    /// Until the last life that began in it had ended.
    pub(super) took: Duration,
}

impl Phase {
    /// Lives a second.
    pub(super) fn rate(&self) -> f64 {
        count(self.seen.lives) / self.took.as_secs_f64()
    }
}

fn name() -> String {
    format!("soak-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// As many lives as there can be for `length`.
pub(super) async fn as_many_as_can_be(stage: &Stage, cloud: &Cloud, length: Duration) -> anyhow::Result<Phase> {
    let (clients, begun) = (Clients::new(stage, cloud)?, Instant::now());
    let client = async || {
        while begun.elapsed() < length {
            clients.live(name()).await;
        }
    };
    join_all((0..AT_ONCE).map(|_| client())).await;
    let took = begun.elapsed();
    Ok(Phase { seen: clients.seen(), took })
}

/// `rate` lives a second for `length`, however long they take.
pub(super) async fn at_rate(stage: &Stage, cloud: &Cloud, rate: f64, length: Duration) -> anyhow::Result<Phase> {
    let (clients, begun) = (Clients::new(stage, cloud)?, Instant::now());
    let mut lives = FuturesUnordered::new();
    let mut births = interval(Duration::from_secs_f64(1.0 / rate));
    births.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while begun.elapsed() < length {
        tokio::select! {
            _ = births.tick() => lives.push(clients.live(name())),
            Some(()) = lives.next() => {}
        }
    }
    while lives.next().await.is_some() {}
    let took = begun.elapsed();
    drop(lives);
    Ok(Phase { seen: clients.seen(), took })
}
