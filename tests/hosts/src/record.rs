//! What an agent worked on: each time with its life, so that what was done twice shows.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_agent_rt::{AgentError, Commands, ErasedCommand, TaskCx, sim::Notebook};
use cumulo_proto::Header;

use crate::{Weather, control::Execution};

/// In which life, and which of that.
type Turn = (u64, u64);

/// Of one machine, in all its lives.
pub struct Record {
    address: SocketAddr,
    agent: String,
    notes: Notebook,
    state: Mutex<State>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("address", &self.address).field("agent", &self.agent).finish_non_exhaustive()
    }
}

struct State {
    executions: BTreeMap<Turn, Execution>,
    life: u64,
    next: u64,
    busy: Duration,
}

impl Record {
    /// That of the agent `agent` at `address`, in its life `life`, kept in `dir` where it is kept.
    ///
    /// # Errors
    /// When what is there cannot be read.
    pub fn open(address: SocketAddr, agent: &str, life: u64, dir: Option<&Path>) -> io::Result<Self> {
        let (notes, executions) = match dir {
            None => (Notebook::forgetful(), BTreeMap::new()),
            Some(dir) => Notebook::open(&dir.join("executions"))?,
        };
        let next = executions.keys().filter(|(of, _)| *of == life).map(|(_, n)| n + 1).max().unwrap_or(0);
        let state = Mutex::new(State { executions, life, next, busy: Duration::ZERO });
        Ok(Self { address, agent: agent.to_owned(), notes, state })
    }

    /// The agent has died; what comes now is of its next life.
    pub fn begin_next_life(&self) {
        let mut state = self.state();
        (state.life, state.next, state.busy) = (state.life + 1, 0, Duration::ZERO);
    }

    /// Everything that was worked on, in order.
    pub fn executions(&self) -> Vec<Execution> {
        self.state().executions.values().cloned().collect()
    }

    /// How long commands ran in this life.
    pub fn busy(&self) -> Duration {
        self.state().busy
    }

    fn begins(&self, command: &str, header: Header, key: String) -> Turn {
        let mut state = self.state();
        let turn = (state.life, state.next);
        state.next += 1;
        let execution = Execution {
            address: self.address,
            agent: self.agent.clone(),
            command: command.to_owned(),
            task: header.task_id,
            key,
            epoch: header.epoch,
            life: state.life,
            is_ended: false,
            is_told: false,
        };
        self.notes.note(&turn, Some(&execution));
        state.executions.insert(turn, execution);
        turn
    }

    fn ended(&self, turn: Turn, took: Duration) {
        let mut state = self.state();
        state.busy += took;
        if let Some(execution) = state.executions.get_mut(&turn) {
            execution.is_ended = true;
            self.notes.note(&turn, Some(execution));
        }
    }

    /// The outcome of `task` is about to be told. The runtime has it on disk by then.
    pub fn told(&self, task: &str) {
        let mut state = self.state();
        let last = state.executions.iter_mut().rev().find(|(_, execution)| execution.task == task);
        if let Some((turn, execution)) = last.filter(|(_, execution)| !execution.is_told) {
            execution.is_told = true;
            self.notes.note(turn, Some(execution));
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `commands`, recorded, and as slow as the weather has it.
pub fn recorded<H: Send + Sync + 'static>(
    commands: Commands<H>,
    record: &Arc<Record>,
    weather: &Arc<Weather>,
) -> Commands<H> {
    commands.wrapped(|inner| Arc::new(Recorded { inner, record: record.clone(), weather: weather.clone() }))
}

struct Recorded<H> {
    inner: Arc<dyn ErasedCommand<H>>,
    record: Arc<Record>,
    weather: Arc<Weather>,
}

impl<H> Recorded<H> {
    fn machine(&self) -> IpAddr {
        self.record.address.ip()
    }
}

#[async_trait]
impl<H: Send + Sync + 'static> ErasedCommand<H> for Recorded<H> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn parse(&self, request: &[u8]) -> Result<(Header, String), AgentError> {
        self.inner.parse(request)
    }

    async fn run(&self, host: Arc<H>, request: Bytes, cx: &TaskCx) -> Result<Vec<u8>, AgentError> {
        let (header, key) = self.inner.parse(&request)?;
        self.weather.answers(self.machine()).await;
        let work = self.weather.work();
        if !work.is_zero() {
            cx.until_deadline(self.name(), tokio::time::sleep(work)).await?;
        }
        let (since, turn) = (Instant::now(), self.record.begins(self.name(), header, key));
        let done = self.inner.run(host, request, cx).await;
        self.record.ended(turn, since.elapsed());
        done
    }
}
