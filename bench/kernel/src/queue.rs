//! `queue`: a million tasks on ten thousand keys, one after another on each, beside the same tasks in no order. A task gives way
//! once, so that others come to wait for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use cumulo_bench_report::{Figure, in_turns};
use cumulo_kernel::queue::Queues;
use cumulo_schema::Uuid;
use tokio::task::{JoinHandle, yield_now};

use crate::Measure;

const TASKS: u32 = 1_000_000;
const KEYS: u32 = 10_000;
/// Tasks that are there at once, ten for each key: all of them would measure how quick memory is.
const AT_ONCE: u32 = 100_000;

pub(crate) async fn run(measure: Measure) -> anyhow::Result<()> {
    let (tasks, queues) = (measure.of(TASKS), Queues::default());
    // As lanes are called in life.
    let keys: Arc<Vec<String>> = Arc::new((0..KEYS).map(|_| format!("flow:{}", Uuid::random())).collect());
    let ours = async || {
        rate(tasks, |number, done| {
            let (queues, keys) = (queues.clone(), keys.clone());
            tokio::spawn(async move {
                let key = &keys[usize::try_from(number % KEYS).unwrap_or(0)];
                queues.run(key, 1, task(done)).await;
            })
        })
        .await
    };
    let unordered = async || rate(tasks, |_, done| tokio::spawn(task(done))).await;
    let turns = in_turns(measure.turns, ours, unordered).await?;
    Figure::beside("queue", "tasks/s", turns).ratio_at_least(0.5).at_least(1e6).tell()
}

async fn task(done: Arc<AtomicU32>) {
    yield_now().await;
    done.fetch_add(1, Ordering::Relaxed);
}

/// Spawns so many and waits for them; how many were done a second.
async fn rate(tasks: u32, spawn: impl Fn(u32, Arc<AtomicU32>) -> JoinHandle<()> + Sync) -> anyhow::Result<f64> {
    let (begun, done) = (Instant::now(), Arc::new(AtomicU32::new(0)));
    for first in (0..tasks).step_by(usize::try_from(AT_ONCE)?) {
        let last = tasks.min(first + AT_ONCE);
        let spawned: Vec<_> = (first..last).map(|number| spawn(number, done.clone())).collect();
        for task in spawned {
            task.await?;
        }
    }
    anyhow::ensure!(done.load(Ordering::Relaxed) == tasks, "not every task was done");
    Ok(f64::from(tasks) / begun.elapsed().as_secs_f64())
}
