//! What one history is about: servers, nodes that use them, and how these live and die.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use cumulo_chaos::{Board, History, LEASE, NODES, PASSWORD, Passage};
use cumulo_gateway::Gateway;
use cumulo_kernel::{api, bus::amqp::carrier, cluster::Taking, db::Db};
use cumulo_manager::{Core, Parts};
use cumulo_schema::Uuid;
use tokio::{
    runtime::Handle,
    sync::{Mutex, oneshot, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    api::{Door, Doors, base},
    broker::{self, Broker},
    database::{self, Database},
    machines::Machines,
    outside::{Outside, Way},
    world::{Orders, Process},
};

/// Longest wait for a node that can start, and for one that stops.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two tries to start one, as a supervisor has it.
const RESPITE: Duration = Duration::from_millis(500);

/// A node, dead or alive.
#[derive(Debug)]
pub struct Member {
    node: Uuid,
    /// Its way to the database.
    pub database: Way,
    /// Its way to the broker.
    pub broker: Way,
    /// Held by who does something to it.
    pub busy: Mutex<()>,
}

/// All of it.
#[derive(Debug)]
pub struct Estate {
    /// What everybody shares.
    pub outside: Arc<Outside>,
    database: Arc<Database>,
    /// Whether the database server can be reached at all.
    pub database_server: Arc<watch::Sender<Passage>>,
    /// The broker.
    pub broker: Arc<Broker>,
    /// Whether that can be reached at all.
    pub broker_server: Arc<watch::Sender<Passage>>,
    /// Hosts and storages.
    pub machines: Arc<Machines>,
    /// Held by who does something to the agents' process.
    agents_busy: Mutex<()>,
    /// The nodes that answer.
    pub doors: Arc<Doors>,
    /// The nodes, one more than there are at first.
    pub members: Vec<Member>,
    /// Where clients see which nodes there are.
    pub board: Arc<Board>,
    /// Where it is noted what happens.
    pub history: Arc<History>,
    /// What is to be done to the nodes.
    pub orders: Arc<Orders>,
    dir: PathBuf,
}

/// What servers know node `n` by.
fn name_of(n: usize) -> String {
    format!("node {n}")
}

impl Estate {
    /// Servers without content, and nodes that have not lived yet, whose key is in `dir`.
    ///
    /// # Errors
    /// When there is no room for the database.
    pub fn new(outside: Arc<Outside>, orders: Arc<Orders>, dir: PathBuf) -> anyhow::Result<Self> {
        let server = || Arc::new(watch::Sender::new(Passage::Open));
        let (database_server, broker_server) = (server(), server());
        let member = |_| Member {
            node: Uuid::random(),
            database: Way::to(database_server.clone()),
            broker: Way::to(broker_server.clone()),
            busy: Mutex::default(),
        };
        let members: Vec<Member> = (0..=NODES).map(member).collect();
        let machines = Machines::new(outside.clone(), members.iter().map(|member| member.node));
        Ok(Self {
            database: Arc::new(Database::new(outside.clone())?),
            broker: Arc::new(Broker::new(outside.clone())),
            doors: Arc::new(Doors::new(outside.clone())),
            machines: Arc::new(machines),
            agents_busy: Mutex::default(),
            members,
            board: Arc::default(),
            history: Arc::default(),
            database_server,
            broker_server,
            outside,
            orders,
            dir,
        })
    }

    /// A way to the database that no fault cuts.
    #[must_use]
    pub fn db(&self) -> Db {
        let always = Way::to(Arc::new(watch::Sender::new(Passage::Open)));
        Db::at(Arc::new(database::Client::new("nobody".to_owned(), self.database.clone(), always)))
    }

    /// Starts node `n`, again and again as long as what it needs is away.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(self: &Arc<Self>, n: usize) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let (started, ready) = oneshot::channel();
            let estate = self.clone();
            let life = async move {
                // Whoever waits for it may have lost patience.
                let _ = started.send(estate.live(n).await);
            };
            self.orders.start(Process::Node(n), life).await;
            let error = match timeout(PATIENCE, ready).await {
                Ok(Ok(Ok(()))) => break,
                Ok(Ok(Err(error))) => format!("{error:#}"),
                Ok(Err(_)) => "it panicked".to_owned(),
                Err(_) => "it takes too long".to_owned(),
            };
            self.history.note(format!("node {n} does not start: {error}"));
            self.kill(n).await;
            anyhow::ensure!(since.elapsed() < PATIENCE, "node {n} does not start: {error}");
            sleep(RESPITE).await;
        }
        self.board.put(n, &base(n));
        self.history.note(format!("node {n} is up"));
        self.outside.trace.note(format_args!("node {n} is up"));
        Ok(())
    }

    /// Starts the agents on all machines.
    pub async fn start_agents(&self) {
        let machines = self.machines.clone();
        self.orders.start(Process::Agents, async move { machines.live() }).await;
    }

    /// All agents die, and live again after a while.
    pub async fn kill_agents_for(&self, away: Duration) {
        let _busy = self.agents_busy.lock().await;
        self.machines.die();
        self.orders.kill(Process::Agents).await;
        sleep(away).await;
        self.start_agents().await;
    }

    /// Node `n` dies.
    pub async fn kill(&self, n: usize) {
        self.board.remove(n);
        self.doors.close(n);
        self.machines.close(n);
        self.orders.kill(Process::Node(n)).await;
        self.broker.hang_up(&name_of(n));
        self.outside.trace.note(format_args!("node {n} is dead"));
    }

    /// Node `n` stops in order; clients go on asking it meanwhile.
    pub async fn stop(&self, n: usize) {
        if let Some(Door { runtime, kernel, .. }) = self.doors.of(n) {
            let (stopped, wait) = oneshot::channel();
            runtime.spawn(async move {
                kernel.stop().await;
                let _ = stopped.send(());
            });
            if timeout(PATIENCE, wait).await.is_err() {
                self.history.note(format!("node {n} did not stop in order"));
            }
        }
        self.kill(n).await;
    }

    /// A life of node `n`, from its start on; to be begun in a runtime of its own.
    async fn live(&self, n: usize) -> anyhow::Result<()> {
        let member = self.members.get(n).context("a node")?;
        let name = name_of(n);
        let database = database::Client::new(name.clone(), self.database.clone(), member.database.clone());
        let broker: Arc<dyn carrier::Broker> =
            Arc::new(broker::Client::new(name.clone(), self.broker.clone(), member.broker.clone()));
        let parts = Parts {
            db: Db::at(Arc::new(database)),
            node: member.node,
            key: self.dir.join("key"),
            metrics: None,
            taking: Some(Taking { host_name: name, lease: Duration::from_secs(LEASE) }),
            broker: Some(broker.into()),
            flows: None,
        };
        let gateway = |setup: &mut _| {
            let gateway = Gateway::linked(setup, self.machines.installer(n), self.machines.links(n));
            self.machines.open(n, Handle::current(), gateway.callbacks());
            Ok(gateway)
        };
        let core = Core::start(parts, Some(PASSWORD), gateway).await?;
        let (runtime, router) = (Handle::current(), api::router(core.kernel.clone()));
        self.doors.open(n, Door { runtime, router, kernel: core.kernel });
        Ok(())
    }
}
