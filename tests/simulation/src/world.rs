//! The one thread: every node has a runtime of its own, the hosts have one, and all of them get their turns of a millisecond each, in an order that
//! the seed says. While nothing happens anywhere turns become longer, so that quiet times do not cost what busy ones do.
//!
//! Within a turn a runtime does everything that can be done, and time goes on only when there is nothing left to do
//! ([`crate::pretend`]); what it sends to others they see in their next turn. So a process may die or stand still between any two
//! turns, but never in the middle of what it does without waiting, and from outside that could not be told.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Mutex, PoisonError},
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

/// A process that lives and dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Process {
    /// Of the node with this number.
    Node(usize),
    /// Of the agents on all machines.
    Agents,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(n) => write!(f, "node {n}"),
            Self::Agents => f.write_str("agents"),
        }
    }
}

/// Whose turn it is, for the log.
static TURN_OF: Mutex<Option<Process>> = Mutex::new(None);

/// The process whose turn it is; `None` outside of them.
#[must_use]
pub fn turn_of() -> Option<Process> {
    *TURN_OF.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set_turn(of: Option<Process>) {
    *TURN_OF.lock().unwrap_or_else(PoisonError::into_inner) = of;
}

/// What becomes of a process, from between two turns on.
enum Order {
    /// It lives, and this is its life.
    Start(Process, BoxFuture<'static, ()>),
    /// It dies.
    Kill(Process),
    /// It stands still for so long.
    Freeze(Process, Duration),
}

/// What is to be done between turns.
#[derive(Default)]
pub struct Orders(Mutex<VecDeque<(Order, oneshot::Sender<()>)>>);

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Orders")
    }
}

impl Orders {
    /// `process` begins with `life`.
    pub async fn start(&self, process: Process, life: impl Future<Output = ()> + Send + 'static) {
        self.give(Order::Start(process, Box::pin(life))).await;
    }

    /// `process` dies, with everything that it has in hand.
    pub async fn kill(&self, process: Process) {
        self.give(Order::Kill(process)).await;
    }

    /// Nothing in `process` moves for so long. Its clocks go on.
    pub async fn freeze(&self, process: Process, away: Duration) {
        self.give(Order::Freeze(process, away)).await;
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
struct Living {
    runtime: Runtime,
    /// Until when it stands still, in nanoseconds since the beginning.
    frozen_until: u64,
}

/// All runtimes.
#[derive(Debug)]
pub struct World {
    outside: Runtime,
    processes: BTreeMap<Process, Living>,
    random: StdRng,
    now: u64,
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

impl World {
    /// A world without processes. There is one a process, after [`pretend::begin`].
    ///
    /// # Errors
    /// When the system has no room for it.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        anyhow::ensure!(pretend::is_on(), "a world needs a time of its own");
        let outside = runtime().context("no runtime")?;
        Ok(Self { outside, processes: BTreeMap::new(), random: StdRng::seed_from_u64(seed), now: 0 })
    }

    /// Where servers and clients live.
    #[must_use]
    pub fn outside(&self) -> Handle {
        self.outside.handle().clone()
    }

    /// Goes on until `work`, which is outside of the processes, has ended.
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
            let mut turns: Vec<Option<Process>> = self.processes.keys().copied().map(Some).chain([None]).collect();
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
        for (_, living) in std::mem::take(&mut self.processes) {
            drop(living.runtime);
        }
        ended.context("the run came to no end")
    }

    /// Whether nothing happened in it.
    fn turn(&self, of: Option<Process>, length: Duration) -> bool {
        let runtime = match of {
            None => &self.outside,
            Some(process) => match self.processes.get(&process) {
                Some(living) if living.frozen_until <= self.now => &living.runtime,
                _ => return true,
            },
        };
        set_turn(of);
        pretend::set(self.now, self.now + nanos(length));
        let before = pretend::stirs();
        runtime.block_on(async { sleep(length).await });
        set_turn(None);
        pretend::stirs() - before <= 1
    }

    fn obey(&mut self, order: Order) -> anyhow::Result<()> {
        pretend::set(self.now, self.now);
        match order {
            Order::Start(process, life) => {
                let runtime = runtime().context("no runtime")?;
                runtime.spawn(life);
                self.processes.insert(process, Living { runtime, frozen_until: 0 });
            }
            Order::Kill(process) => drop(self.processes.remove(&process)),
            Order::Freeze(process, away) => {
                if let Some(living) = self.processes.get_mut(&process) {
                    living.frozen_until = self.now + nanos(away);
                }
            }
        }
        Ok(())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
