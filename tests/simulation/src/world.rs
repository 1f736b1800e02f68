//! The one thread: every node has a runtime of its own, and all of them get their turns of a millisecond each, in an order that
//! the seed says. While nothing happens anywhere turns become longer, so that quiet times do not cost what busy ones do.
//!
//! Within a turn a runtime does everything that can be done, and time goes on only when there is nothing left to do
//! ([`crate::pretend`]); what it sends to others they see in their next turn. So a node may die or stand still between any two
//! turns, but never in the middle of what it does without waiting, and from outside that could not be told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use futures::future::BoxFuture;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
    time::sleep,
};

use crate::pretend;

/// How long a turn takes, in milliseconds.
const TURN: u64 = 1;
/// And at most, when nothing has happened for a while.
const LONGEST_TURN: u64 = 16;
/// Whose turn it is, for the log: a node's number, or this.
const OUTSIDE: usize = usize::MAX;

static TURN_OF: AtomicUsize = AtomicUsize::new(OUTSIDE);

/// The node whose turn it is; `None` outside of them.
#[must_use]
pub fn turn_of() -> Option<usize> {
    Some(TURN_OF.load(Ordering::Relaxed)).filter(|node| *node != OUTSIDE)
}

/// What becomes of a node, from between two turns on.
enum Order {
    /// It lives, and this is its life.
    Start(usize, BoxFuture<'static, ()>),
    /// It dies.
    Kill(usize),
    /// It stands still for so long.
    Freeze(usize, Duration),
}

/// What is to be done between turns.
#[derive(Default)]
pub struct Orders(Mutex<VecDeque<(Order, oneshot::Sender<()>)>>);

impl std::fmt::Debug for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Orders")
    }
}

impl Orders {
    /// Node `n` begins with `life`.
    pub async fn start(&self, n: usize, life: impl Future<Output = ()> + Send + 'static) {
        self.give(Order::Start(n, Box::pin(life))).await;
    }

    /// Node `n` dies, with everything that it has in hand.
    pub async fn kill(&self, n: usize) {
        self.give(Order::Kill(n)).await;
    }

    /// Nothing in node `n` moves for so long. Its clocks go on.
    pub async fn freeze(&self, n: usize, away: Duration) {
        self.give(Order::Freeze(n, away)).await;
    }

    async fn give(&self, order: Order) {
        let (done, wait) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((order, done));
        // Dropped only at the end of the world.
        let _ = wait.await;
    }

    fn take(&self) -> Option<(Order, oneshot::Sender<()>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[derive(Debug)]
struct Machine {
    runtime: Runtime,
    /// Until when it stands still, in nanoseconds since the beginning.
    frozen_until: u64,
}

/// All runtimes.
#[derive(Debug)]
pub struct World {
    outside: Runtime,
    nodes: BTreeMap<usize, Machine>,
    random: StdRng,
    now: u64,
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

impl World {
    /// A world without nodes. There is one a process, after [`pretend::begin`].
    ///
    /// # Errors
    /// When the system has no room for it.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        anyhow::ensure!(pretend::is_on(), "a world needs a time of its own");
        let outside = runtime().context("no runtime")?;
        Ok(Self { outside, nodes: BTreeMap::new(), random: StdRng::seed_from_u64(seed), now: 0 })
    }

    /// Where servers and clients live.
    #[must_use]
    pub fn outside(&self) -> Handle {
        self.outside.handle().clone()
    }

    /// Goes on until `work`, which is outside of the nodes, has ended.
    ///
    /// # Errors
    /// When it panicked, or a runtime could not be made.
    pub fn run<T: Send + 'static>(
        mut self,
        orders: &Orders,
        work: impl Future<Output = T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let work = self.outside.spawn(work);
        let mut millis = TURN;
        while !work.is_finished() {
            while let Some((order, done)) = orders.take() {
                self.obey(order)?;
                let _ = done.send(());
            }
            let mut turns: Vec<Option<usize>> = self.nodes.keys().copied().map(Some).chain([None]).collect();
            turns.shuffle(&mut self.random);
            let length = Duration::from_millis(millis);
            let mut quiet = true;
            for turn in turns {
                quiet &= self.turn(turn, length);
            }
            self.now += nanos(length);
            millis = if quiet { (millis * 2).min(LONGEST_TURN) } else { TURN };
        }
        let ended = self.outside.block_on(work);
        for (_, machine) in std::mem::take(&mut self.nodes) {
            drop(machine.runtime);
        }
        ended.context("the run came to no end")
    }

    /// Whether nothing happened in it.
    fn turn(&self, of: Option<usize>, length: Duration) -> bool {
        let runtime = match of {
            None => &self.outside,
            Some(node) => match self.nodes.get(&node) {
                Some(machine) if machine.frozen_until <= self.now => &machine.runtime,
                _ => return true,
            },
        };
        TURN_OF.store(of.unwrap_or(OUTSIDE), Ordering::Relaxed);
        pretend::set(self.now, self.now + nanos(length));
        let before = pretend::stirs();
        runtime.block_on(async { sleep(length).await });
        TURN_OF.store(OUTSIDE, Ordering::Relaxed);
        pretend::stirs() - before <= 1
    }

    fn obey(&mut self, order: Order) -> anyhow::Result<()> {
        pretend::set(self.now, self.now);
        match order {
            Order::Start(node, life) => {
                let runtime = runtime().context("no runtime")?;
                runtime.spawn(life);
                self.nodes.insert(node, Machine { runtime, frozen_until: 0 });
            }
            Order::Kill(node) => drop(self.nodes.remove(&node)),
            Order::Freeze(node, away) => {
                if let Some(machine) = self.nodes.get_mut(&node) {
                    machine.frozen_until = self.now + nanos(away);
                }
            }
        }
        Ok(())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
