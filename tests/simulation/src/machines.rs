//! Hosts and backup storages: the agents' own code (commands, journal, runtime) over fake doors, as in the process that plays
//! them for chaos. All agents live in one runtime and die with it; machines and journals outlive them.
//!
//! What goes between a node and an agent is on its way for a while, and in either direction it may be lost, and a command may
//! arrive twice. One that its sender gave up, or that outlived its sender, is dropped when it arrives, mostly: that the sender
//! hung up may arrive later than the command.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cumulo_agent_rt::Callbacks;
use cumulo_chaos::{Look, Passage};
use cumulo_gateway::{Agent, AgentKind, Deployer, Links};
use cumulo_schema::Uuid;
use cumulo_sim_hosts::{
    Network, Weather,
    control::{Execution, Machine as Seen},
};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
    time::timeout,
};

use crate::{
    link::{Installer, Link},
    machine::Machine,
    outside::{Outside, Way},
};

/// Once in so many times something is lost on its way.
const LOSSES: u32 = 300;
/// Once in so many times what its sender gave up is taken all the same.
const UNHEARD_FAREWELLS: u32 = 4;

/// All of them.
pub struct Machines {
    /// What everybody shares.
    pub outside: Arc<Outside>,
    /// Their addresses.
    pub network: Network,
    /// What they suffer.
    pub weather: Arc<Weather>,
    /// Whether their process can be reached at all.
    process: Arc<watch::Sender<Passage>>,
    /// Whether messages are lost; not while the cloud is made.
    lossy: AtomicBool,
    nodes: Vec<Node>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where agents live; absent while their process is dead.
    runtime: Option<Handle>,
    /// Which life of the process this is, or was.
    life: u64,
    machines: BTreeMap<SocketAddr, Arc<Machine>>,
}

/// A node as agents know it.
struct Node {
    uuid: Uuid,
    way: Way,
    /// Where it lives, and what hears agents there.
    door: Mutex<Option<(Handle, Arc<dyn Callbacks>)>>,
}

impl fmt::Debug for Machines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machines").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Machines {
    /// None yet; they will be used by these nodes.
    #[must_use]
    pub fn new(outside: Arc<Outside>, nodes: impl Iterator<Item = Uuid>) -> Self {
        let process = Arc::new(watch::Sender::new(Passage::Broken));
        let nodes = nodes.map(|uuid| Node { uuid, way: Way::to(process.clone()), door: Mutex::default() }).collect();
        let slow = outside.clone();
        let weather = Arc::new(Weather::new(Duration::ZERO).with_chance(move || slow.delay()));
        Self {
            outside,
            network: Network::any(),
            weather,
            process,
            lossy: AtomicBool::new(false),
            nodes,
            state: Mutex::default(),
        }
    }

    /// From now on messages are lost at times.
    pub fn begin_to_lose(&self) {
        self.lossy.store(true, Ordering::SeqCst);
    }

    /// The way between node `n` and all machines.
    #[must_use]
    pub fn way(&self, n: usize) -> &Way {
        &self.nodes[n].way
    }

    /// The address of host `n`, counted from 0.
    #[must_use]
    pub fn host(&self, n: u8) -> IpAddr {
        self.network.address(11 + n)
    }

    /// Node `n`, which lives in `runtime`, hears agents by `callbacks` from now on.
    pub fn open(&self, n: usize, runtime: Handle, callbacks: Arc<dyn Callbacks>) {
        *lock(&self.nodes[n].door) = Some((runtime, callbacks));
    }

    /// Node `n` is dead.
    pub fn close(&self, n: usize) {
        drop(lock(&self.nodes[n].door).take());
    }

    /// The next life of all agents, to be begun in their runtime.
    pub fn live(&self) {
        let mut state = lock(&self.state);
        state.life += 1;
        for machine in state.machines.values() {
            machine.restart();
        }
        state.runtime = Some(Handle::current());
        self.process.send_replace(Passage::Open);
        self.outside.trace.note("agents are up");
    }

    /// All agents are dead.
    pub fn die(&self) {
        lock(&self.state).runtime = None;
        self.process.send_replace(Passage::Broken);
        self.outside.trace.note("agents are dead");
    }

    /// Makes sure that `agent` is at `address`; another one that is there goes. To be called in the agents' runtime.
    ///
    /// # Errors
    /// Never in practice: what it keeps is in memory.
    pub(crate) fn put(self: &Arc<Self>, address: SocketAddr, agent: Uuid, kind: AgentKind) -> std::io::Result<()> {
        let life = lock(&self.state).life;
        if self.at(address, agent).is_none() {
            let machine = Arc::new(Machine::new(self, (address, agent), kind, life)?);
            lock(&self.state).machines.insert(address, machine);
        }
        Ok(())
    }

    /// The machine at `address`, with `agent` on it.
    pub(crate) fn at(&self, address: SocketAddr, agent: Uuid) -> Option<Arc<Machine>> {
        lock(&self.state).machines.get(&address).filter(|machine| machine.agent == agent).cloned()
    }

    /// Has `work` done where agents live; `None` where their process is dead, and nothing comes when it dies meanwhile.
    pub(crate) fn among_agents<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<oneshot::Receiver<T>> {
        let runtime = lock(&self.state).runtime.clone()?;
        Some(within(&runtime, work))
    }

    /// Has what `work` makes of its callbacks done by node `n`, as [`Machines::among_agents`].
    pub(crate) fn at_node<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
        &self,
        n: usize,
        work: impl FnOnce(Arc<dyn Callbacks>) -> W,
    ) -> Option<oneshot::Receiver<T>> {
        let (runtime, callbacks) = lock(&self.nodes[n].door).clone()?;
        Some(within(&runtime, work(callbacks)))
    }

    /// Which node has the id `uuid`.
    pub(crate) fn node(&self, uuid: Uuid) -> Option<usize> {
        self.nodes.iter().position(|node| node.uuid == uuid)
    }

    /// Brings something over the way between node `n` and the machines, has it answered as `serve` says, and brings the answer
    /// back. `None` where no answer came `in_time`.
    pub(crate) async fn exchange<T: Send + 'static>(
        &self,
        n: usize,
        in_time: Duration,
        serve: impl FnOnce() -> Option<oneshot::Receiver<T>> + Send + 'static,
    ) -> Option<T> {
        let (answer, heard) = oneshot::channel();
        let (way, outside) = (self.nodes[n].way.clone(), self.outside.clone());
        let (there, back) = (outside.delay(), outside.delay());
        let lossy = self.lossy.load(Ordering::SeqCst);
        let (lost_there, lost_back) = (outside.happens(LOSSES) && lossy, outside.happens(LOSSES) && lossy);
        self.outside.spawn(async move {
            if way.travel(there).await.is_err() || lost_there {
                return;
            }
            if answer.is_closed() && !outside.happens(UNHEARD_FAREWELLS) {
                return;
            }
            let Some(answered) = serve() else { return };
            if let Ok(answered) = answered.await
                && way.travel(back).await.is_ok()
                && !lost_back
            {
                // Who asked may be gone.
                let _ = answer.send(answered);
            }
        });
        timeout(in_time, heard).await.ok()?.ok()
    }

    /// What node `n` has in place of Ansible.
    #[must_use]
    pub fn installer(self: &Arc<Self>, n: usize) -> Arc<dyn Deployer> {
        Arc::new(Installer { machines: self.clone(), n })
    }

    /// How node `n` finds agents.
    #[must_use]
    pub fn links(self: &Arc<Self>, n: usize) -> Arc<dyn Links> {
        Arc::new(Found { machines: self.clone(), n })
    }
}

/// Has `work` done in `runtime`.
fn within<T: Send + 'static>(runtime: &Handle, work: impl Future<Output = T> + Send + 'static) -> oneshot::Receiver<T> {
    let (done, wait) = oneshot::channel();
    runtime.spawn(async move {
        // Who waits for it may be gone.
        let _ = done.send(work.await);
    });
    wait
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Found {
    machines: Arc<Machines>,
    n: usize,
}

impl Links for Found {
    fn link(&self, agent: &Agent) -> Arc<dyn cumulo_agent_rt::AgentLink> {
        let address = agent.address.parse().ok().zip(u16::try_from(agent.port).ok());
        let address = address.map(|(ip, port)| SocketAddr::new(ip, port));
        Arc::new(Link { machines: self.machines.clone(), n: self.n, address, agent: agent.uuid })
    }
}

#[async_trait]
impl Look for Machines {
    async fn look(&self) -> anyhow::Result<(Vec<Seen>, Vec<Execution>)> {
        let state = lock(&self.state);
        let machines = state.machines.values();
        Ok((machines.clone().map(|machine| machine.seen()).collect(), machines.flat_map(|m| m.executions()).collect()))
    }
}
