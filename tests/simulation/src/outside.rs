//! What is outside of all nodes: the runtime of servers and clients, chance, and the ways there.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cumulo_chaos::Passage;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{runtime::Handle, sync::watch, time::sleep};

use crate::trace::Trace;

/// Everything that parts of the simulation share.
#[derive(Debug)]
pub struct Outside {
    runtime: Handle,
    random: Mutex<StdRng>,
    /// Where it is noted what passes.
    pub trace: Trace,
}

impl Outside {
    /// That of a run of `seed`, whose servers and clients live in `runtime`.
    #[must_use]
    pub fn new(runtime: Handle, seed: u64, trace: Trace) -> Self {
        Self { runtime, random: Mutex::new(StdRng::seed_from_u64(seed)), trace }
    }

    /// Does `work` out there, whatever becomes of who wanted it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// How long something takes on its way: mostly about a millisecond, seldom much longer.
    pub fn delay(&self) -> Duration {
        let mut random = self.random();
        let micros = match random.random_range(0..100) {
            0..90 => random.random_range(0..2_000),
            90..99 => random.random_range(2_000..20_000),
            _ => random.random_range(20_000..200_000),
        };
        Duration::from_micros(micros)
    }

    /// Whether what happens once in `times` happens now.
    pub fn happens(&self, times: u32) -> bool {
        self.random().random_ratio(1, times)
    }

    fn random(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was on its way is gone, and its sender may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// The way between a node and a server.
#[derive(Debug, Clone)]
pub struct Way {
    /// Between the two.
    between: Arc<watch::Sender<Passage>>,
    /// Of the server, to everybody.
    server: Arc<watch::Sender<Passage>>,
}

impl Way {
    /// An open one to a server that is reached as `server` says.
    #[must_use]
    pub fn to(server: Arc<watch::Sender<Passage>>) -> Self {
        Self { between: Arc::new(watch::Sender::new(Passage::Open)), server }
    }

    /// From now on.
    pub fn set(&self, passage: Passage) {
        self.between.send_replace(passage);
    }

    /// How it is now.
    #[must_use]
    pub fn passage(&self) -> Passage {
        let of = |end: &watch::Sender<Passage>| *end.borrow();
        match (of(&self.between), of(&self.server)) {
            (Passage::Broken, _) | (_, Passage::Broken) => Passage::Broken,
            (Passage::Silent, _) | (_, Passage::Silent) => Passage::Silent,
            (Passage::Open, Passage::Open) => Passage::Open,
        }
    }

    /// Waits until it is as `test` says.
    pub async fn until(&self, test: impl Fn(Passage) -> bool) {
        let (mut between, mut server) = (self.between.subscribe(), self.server.subscribe());
        loop {
            between.mark_unchanged();
            server.mark_unchanged();
            if test(self.passage()) {
                return;
            }
            // Their senders live as long as this.
            tokio::select! {
                biased;
                _ = between.changed() => {}
                _ = server.changed() => {}
            }
        }
    }

    /// Goes along it, which takes `time`, or as long as it is silent.
    ///
    /// # Errors
    /// When it breaks meanwhile.
    pub async fn travel(&self, time: Duration) -> Result<(), Broken> {
        let arrive = async {
            sleep(time).await;
            self.until(|passage| passage != Passage::Silent).await;
        };
        tokio::select! {
            biased;
            () = self.until(|passage| passage == Passage::Broken) => Err(Broken),
            () = arrive => if self.passage() == Passage::Broken { Err(Broken) } else { Ok(()) },
        }
    }
}
