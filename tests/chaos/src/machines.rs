//! The hosts' process of one run.

use std::{ffi::OsString, net::IpAddr, path::Path, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use cumulo_sim_hosts::{
    Hosts, Network,
    control::{Execution, Machine, Order},
};
use tempfile::TempDir;
use tokio::{sync::Mutex, time::sleep};

/// Machines whose agents keep record, wherever they are played.
#[async_trait]
pub trait Look: Send + Sync {
    /// What is on them, and what their agents did, each one's in order.
    ///
    /// # Errors
    /// When they cannot be looked at.
    async fn look(&self) -> anyhow::Result<(Vec<Machine>, Vec<Execution>)>;
}

/// Machines with real agents, at addresses of the run's own. Where managers are called back is among them, so that the network
/// between one of them and the machines can be cut.
#[derive(Debug)]
pub(crate) struct Machines {
    hosts: Mutex<Hosts>,
    pub(crate) network: Network,
    // Dropped last: the process has its folder in it.
    dir: TempDir,
}

impl Machines {
    /// Starts `program`, without a machine.
    pub(crate) async fn start(program: &Path) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let hosts = Mutex::new(Hosts::start(program, dir.path(), &[]).await?);
        Ok(Self { hosts, network: Network::any(), dir })
    }

    /// Where node `n` is called back.
    pub(crate) fn manager(&self, n: usize) -> IpAddr {
        self.network.address(u8::try_from(n + 1).unwrap_or(u8::MAX))
    }

    /// Host `n`, counted from 0.
    pub(crate) fn host(&self, n: u8) -> IpAddr {
        self.network.address(11 + n)
    }

    /// The `PATH` of nodes.
    pub(crate) async fn path(&self) -> OsString {
        self.hosts.lock().await.path()
    }

    /// SIGKILL, for so long. Whoever orders something waits until it is over.
    pub(crate) async fn kill_for(&self, away: Duration) -> anyhow::Result<()> {
        let mut hosts = self.hosts.lock().await;
        hosts.kill().await?;
        sleep(away).await;
        hosts.start_again().await
    }

    pub(crate) async fn order(&self, order: Order) -> anyhow::Result<()> {
        let hosts = self.hosts.lock().await;
        hosts.control().order(&order).await.with_context(|| format!("{order:?}"))
    }

    /// Keeps what they logged and did in `dir`.
    pub(crate) async fn keep_logs(&self, dir: &Path) -> anyhow::Result<()> {
        std::fs::copy(self.dir.path().join("log"), dir.join("hosts.log"))?;
        let (machines, executions) = self.look().await?;
        std::fs::write(dir.join("machines.json"), serde_json::to_vec_pretty(&machines)?)?;
        let lines = executions.iter().map(|execution| serde_json::to_string(execution).map(|line| line + "\n"));
        std::fs::write(dir.join("executions"), lines.collect::<Result<String, _>>()?)?;
        Ok(())
    }
}

#[async_trait]
impl Look for Machines {
    async fn look(&self) -> anyhow::Result<(Vec<Machine>, Vec<Execution>)> {
        let hosts = self.hosts.lock().await;
        Ok((hosts.control().machines().await?, hosts.control().executions().await?))
    }
}
