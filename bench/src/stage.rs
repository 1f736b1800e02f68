//! What is measured: a node, hosts and storages in another process, and clients of it in this one.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context;
use cumulo_bench_report::resident_mib;
use cumulo_chaos::Node;
use cumulo_sim_hosts::{
    Hosts, Network,
    control::{Execution, Machine, Order},
};
use serde_json::Value;
use tempfile::TempDir;

/// Longest that a call may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// A node of the real program without anything, and machines for it. Agents serve with mutual TLS and call back, so a create
/// costs what it costs on real hosts but for what these do themselves.
pub(crate) struct Stage {
    node: Node,
    /// Nodes that share its database and bus.
    others: Vec<Node>,
    hosts: Hosts,
    http: reqwest::Client,
    /// Where each of them listens, which calls are made at in turns.
    bases: Vec<String>,
    turn: AtomicUsize,
    session: String,
    pub(crate) network: Network,
    // Dropped last: the processes have their folders in it.
    _dir: TempDir,
}

impl Stage {
    /// Starts both; commands of hosts take `work_ms` milliseconds longer than they need.
    pub(crate) async fn set(work_ms: u64) -> anyhow::Result<Self> {
        Self::set_with(work_ms, "").await
    }

    /// As [`Stage::set`], with a node that has the settings in `config`.
    pub(crate) async fn set_with(work_ms: u64, config: &str) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let work = work_ms.to_string();
        // What machines keep they would write to disks of their own.
        let options = ["--in-memory", "--work-ms", &work];
        let hosts = Hosts::start(&Hosts::program()?, dir.path(), &options).await?;
        let mut node = Node::unborn(&program()?, config);
        node.deploy_with(hosts.path());
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let (bases, session, turn) = (vec![], String::new(), AtomicUsize::new(0));
        Ok(Self { node, others: vec![], hosts, http, bases, turn, session, network: Network::any(), _dir: dir })
    }

    /// Starts the node, and logs in; how long it took until it was ready.
    pub(crate) async fn start(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        anyhow::ensure!(self.node.start("").await, "the node does not start:\n{}", self.node.log());
        let ready = begun.elapsed();
        self.node.log_in().await;
        self.bases = vec![base(&self.node)?];
        self.session = format!("OAuth {}", self.node.session());
        Ok(ready)
    }

    /// Kills the node with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.node.kill().await;
    }

    /// Stops the node in order.
    pub(crate) async fn stop(&mut self) {
        self.node.stop().await;
    }

    /// Starts one more node with the settings in `config`, which name what it shares with the others, and the secrets of the
    /// first.
    pub(crate) async fn join(&mut self, config: &str) -> anyhow::Result<()> {
        let mut other = Node::unborn(&program()?, config);
        other.deploy_with(self.hosts.path());
        other.share_secrets_of(&self.node)?;
        anyhow::ensure!(other.start("").await, "another node does not start:\n{}", other.log());
        self.bases.push(base(&other)?);
        self.others.push(other);
        Ok(())
    }

    /// Stops in order all nodes but the first.
    pub(crate) async fn leave(&mut self) {
        self.bases.truncate(1);
        for mut other in self.others.drain(..) {
            other.stop().await;
        }
    }

    /// Where the API of the node is whose turn it is.
    pub(crate) fn base(&self) -> &str {
        &self.bases[self.turn.fetch_add(1, Ordering::Relaxed) % self.bases.len()]
    }

    /// What calls are authorized by.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// The node's process.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.node.pid().context("the node runs")
    }

    /// Calls an API and waits for its job, where it makes one.
    ///
    /// # Errors
    /// When it is refused or fails.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.request(method.parse()?, format!("{}{path}", self.base())).json(body);
        let (status, answer) = self.send(request).await?;
        if status != 202 {
            anyhow::ensure!(status == 200, "{method} {path}: {status} {answer}");
            return Ok(answer);
        }
        let location = answer["location"].as_str().context("a location")?.to_owned();
        loop {
            let (status, answer) = self.send(self.http.get(&location).header("Prefer", "wait=10")).await?;
            if status != 202 {
                anyhow::ensure!(status == 200, "{method} {path}: {status} {answer}");
                return Ok(answer);
            }
        }
    }

    /// As [`Stage::call`], of a `POST` with parameters; answers the inventory.
    pub(crate) async fn make(&self, path: &str, params: &Value) -> anyhow::Result<Value> {
        let body = serde_json::json!({ "params": params });
        self.call("POST", path, &body).await.map(|mut answer| answer["inventory"].take())
    }

    /// Sets the global setting `name` of `category`.
    pub(crate) async fn configure(&self, category: &str, name: &str, value: &str) -> anyhow::Result<()> {
        let update = serde_json::json!({ "updateGlobalConfig": { "value": value } });
        self.call("PUT", &format!("/global-configurations/{category}/{name}/actions"), &update).await.map(drop)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<(u16, Value)> {
        let answer = request.header("Authorization", &self.session).send().await?;
        Ok((answer.status().as_u16(), serde_json::from_str(&answer.text().await?)?))
    }

    /// How long the agents of all machines have worked on commands, in milliseconds.
    pub(crate) async fn agents_own(&self) -> anyhow::Result<f64> {
        Ok(self.machines().await?.iter().map(|machine| machine.busy_ms).sum())
    }

    /// What the agents of all machines worked on, each machine's in order.
    pub(crate) async fn executions(&self) -> anyhow::Result<Vec<Execution>> {
        Ok(self.hosts.control().executions().await?)
    }

    /// Every agent, with what is on its machine.
    pub(crate) async fn machines(&self) -> anyhow::Result<Vec<Machine>> {
        Ok(self.hosts.control().machines().await?)
    }

    /// Tells the machines what to do from now on.
    pub(crate) async fn order(&self, order: &Order) -> anyhow::Result<()> {
        Ok(self.hosts.control().order(order).await?)
    }

    /// The node's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.node.data().join("cumulo.db")
    }

    /// Resident memory of the node.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        resident_mib(self.node.pid().context("the node runs")?)
    }
}

/// Where a node that started listens.
fn base(node: &Node) -> anyhow::Result<String> {
    node.base().context("a node that started listens").map(str::to_owned)
}

/// The manager, beside this program.
fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("cumulo-manager");
    anyhow::ensure!(program.is_file(), "{} is not built; `make bench` builds it", program.display());
    Ok(program)
}
