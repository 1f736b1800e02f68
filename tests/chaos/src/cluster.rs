//! Nodes that share a database and a broker, each with its own way to both.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use cumulo_kernel::{db::Db, membership::NodeLease};
use cumulo_schema::Uuid;
use cumulo_testdb::{TestDatabase, Vhost};
use nix::sys::signal::Signal;
use tokio::{sync::Mutex, time::sleep};

use crate::{
    Calls, Cloud, Ground, Node, caller::Board, history::History, link::Link, machines::Machines, servers::Servers,
};

/// The lease of the nodes here, in seconds.
pub const LEASE: u64 = 3;
/// Nodes from the beginning; one more may join.
pub const NODES: usize = 3;
/// Hosts that are rows.
const ROWS: u8 = 3;
/// Hosts with agents.
pub const HOSTS: u8 = 5;
/// Longest wait for a node that can start.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two tries to start one, as a supervisor has it.
const RESPITE: Duration = Duration::from_millis(500);

/// One of them, with its place on the board of addresses.
#[derive(Debug)]
pub(crate) struct Member {
    n: usize,
    node: Node,
    board: Arc<Board>,
    history: Arc<History>,
    links: Links,
}

/// The ways of a node to the servers.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    pub(crate) database: Arc<Link>,
    pub(crate) broker: Arc<Link>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) members: Vec<Arc<Mutex<Member>>>,
    /// Those of each member, which can be cut whatever else it suffers.
    pub(crate) links: Vec<Links>,
    pub(crate) board: Arc<Board>,
    pub(crate) history: Arc<History>,
    /// What VMs are made of, and a second L3 network; taken by who puts them under load.
    pub(crate) made: Mutex<Option<(Cloud, String)>>,
    /// The session of the clients.
    pub(crate) session: String,
    /// A way of our own to the database, which no fault cuts.
    pub(crate) db: Db,
    /// The hosts, where they are no rows.
    pub(crate) machines: Option<Machines>,
    // Dropped last: nodes die before what they use.
    _database: TestDatabase,
    _vhost: Vhost,
}

impl Cluster {
    /// Starts `program` three times over a new database and virtual host, with a simulated cloud and an account that may
    /// use it. Its hosts are played by the program `hosts`, or rows. What nodes that do not come together logged is kept in
    /// `dir`.
    pub(crate) async fn start(
        servers: &Servers,
        program: &Path,
        hosts: Option<&Path>,
        history: Arc<History>,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let database = TestDatabase::on(servers.database.url()).await;
        let vhost = servers.broker.vhost();
        let (url, board) = (database.url().context("it is on a server")?, Arc::<Board>::default());
        let machines = match hosts {
            Some(program) => Some(Machines::start(program).await?),
            None => None,
        };
        let mut members = Vec::new();
        for n in 0..=NODES {
            let mut member = Member::unborn(n, program, (&url, vhost.url()), board.clone(), history.clone()).await?;
            if let Some(machines) = &machines {
                member.node.call_back_at(machines.manager(n));
                member.node.deploy_with(machines.path().await);
            }
            members.push(member);
        }
        let mut first = members.remove(0);
        first.start().await?;
        first.node.log_in().await;
        for other in &mut members {
            other.node.share_secrets_of(&first.node)?;
            other.node.use_session_of(&first.node);
        }
        let (one, other) = members.split_at_mut(1);
        let (one, other) = tokio::join!(one[0].start(), other[0].start());
        let db = database.open().await;
        let together = match one.and(other) {
            Ok(()) => agree(&db, NODES).await,
            failed => failed,
        };
        if together.is_err() {
            std::fs::create_dir_all(dir)?;
            members.iter().chain([&first]).try_for_each(|member| member.keep_log(dir))?;
        }
        together?;
        let (ground, hosts) = match &machines {
            Some(machines) => (Ground::Machines(machines.network), HOSTS),
            None => (Ground::Rows, ROWS),
        };
        let cloud = Cloud::build_on(&first.node, ground).await;
        let second_l3 = cloud.widen(&first.node, hosts).await;
        let session = first.node.session_of_tenant().await;
        members.insert(0, first);
        let links = members.iter().map(|member| member.links.clone()).collect();
        let members = members.into_iter().map(|member| Arc::new(Mutex::new(member))).collect();
        let made = Mutex::new(Some((cloud, second_l3)));
        Ok(Self { members, links, board, history, made, session, db, machines, _database: database, _vhost: vhost })
    }

    /// How many are up.
    pub(crate) async fn count(&self) -> usize {
        let mut up = 0;
        for member in &self.members {
            up += usize::from(member.lock().await.node.is_up());
        }
        up
    }

    /// Keeps what they logged in `dir`.
    pub(crate) async fn keep_logs(&self, dir: &Path) -> anyhow::Result<()> {
        for member in &self.members {
            member.lock().await.keep_log(dir)?;
        }
        match &self.machines {
            Some(machines) => machines.keep_logs(dir).await,
            None => Ok(()),
        }
    }
}

impl Member {
    /// Copies what it logged to `dir`; one that never joined has no log.
    fn keep_log(&self, dir: &Path) -> std::io::Result<()> {
        match self.node.log_file().exists() {
            true => std::fs::copy(self.node.log_file(), dir.join(format!("node-{}.log", self.n))).map(drop),
            false => Ok(()),
        }
    }

    async fn unborn(
        n: usize,
        program: &Path,
        (database_url, broker_url): (&str, &str),
        board: Arc<Board>,
        history: Arc<History>,
    ) -> anyhow::Result<Self> {
        let (database, database_url) = link(database_url).await?;
        let (broker, broker_url) = link(broker_url).await?;
        // Patience shorter than the longest cut, so that there is waiting and giving up.
        let config = format!(
            "database = '{database_url}'\ndatabase_connections = 12\ndatabase_patience = 8\nbus = '{broker_url}'\n\
             node_lease = {LEASE}\n"
        );
        let node = Node::unborn(program, &config);
        std::fs::create_dir(node.data())?;
        std::fs::write(node.data().join("node"), format!("{}\n", Uuid::random()))?;
        let links = Links { database: Arc::new(database), broker: Arc::new(broker) };
        Ok(Self { n, node, board, history, links })
    }

    /// Starts it, again and again as long as what it needs is away.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        while !self.node.try_start().await {
            self.history.note(format!("node {} does not start", self.n));
            anyhow::ensure!(since.elapsed() < PATIENCE, "node {} does not start:\n{}", self.n, self.node.log());
            sleep(RESPITE).await;
        }
        let base = self.node.base().context("a node that started listens")?;
        self.board.put(self.n, base);
        self.history.note(format!("node {} is up", self.n));
        Ok(())
    }

    pub(crate) async fn kill(&mut self) {
        self.board.remove(self.n);
        self.node.kill().await;
    }

    /// Stops it in order; clients go on asking it meanwhile.
    pub(crate) async fn stop(&mut self) {
        if !self.node.try_stop(PATIENCE).await {
            self.history.note(format!("node {} did not stop in order", self.n));
        }
        self.board.remove(self.n);
    }

    /// Nothing in it moves for `duration`.
    pub(crate) async fn freeze(&self, duration: Duration) {
        self.node.signal(Signal::SIGSTOP);
        sleep(duration).await;
        self.node.signal(Signal::SIGCONT);
    }
}

/// Waits until `count` nodes take part and none has to finish anything for another.
///
/// # Errors
/// When that does not come about, or the database cannot be read.
pub async fn agree(db: &Db, count: usize) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let leases = db.select::<NodeLease>().all().await?;
        let epoch = leases.iter().map(|lease| lease.adopted).max().unwrap_or_default();
        let settled = leases.iter().all(|lease| (lease.adopted, lease.drained) == (epoch, epoch));
        if settled && leases.len() == count {
            return Ok(());
        }
        anyhow::ensure!(since.elapsed() < PATIENCE, "{count} nodes do not agree: {leases:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A link to the server of `url`, and the URL that leads over it.
async fn link(url: &str) -> anyhow::Result<(Link, String)> {
    let (scheme, rest) = url.split_once("://").context("a URL")?;
    let (authority, path) = rest.split_once('/').context("a URL with a path")?;
    let (user, server) = authority.rsplit_once('@').context("a URL with a user")?;
    let server: SocketAddr = server.parse().context("a URL with address and port")?;
    let link = Link::to(server).await?;
    let url = format!("{scheme}://{user}@{}/{path}", link.address());
    Ok((link, url))
}
