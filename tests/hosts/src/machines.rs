//! All machines: the folders they are kept in, and the agents that serve.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use cumulo_sim_hosts::control::{Deployment, Execution, Machine as Seen};
use tokio::sync::Mutex;

use crate::machine::{Machine, Room};

/// What is deployed on a machine, in its folder. It holds a private key.
const DEPLOYMENT: &str = "deployment.json";

/// By address: a machine stays what it is when another agent comes onto it.
pub(crate) struct Machines {
    /// Where they are kept; in memory where absent.
    dir: Option<PathBuf>,
    room: Room,
    serving: Mutex<BTreeMap<SocketAddr, Machine>>,
}

impl Machines {
    /// Those that are kept in `dir`, all serving.
    ///
    /// # Errors
    /// When one of them cannot.
    pub(crate) async fn open(dir: Option<PathBuf>, room: Room) -> anyhow::Result<Self> {
        let mut serving = BTreeMap::new();
        for folder in dir.iter().flat_map(fs::read_dir).flatten() {
            let folder = folder?.path();
            // A deployment that was cut off before it said anything of itself.
            let Ok(text) = fs::read(folder.join(DEPLOYMENT)) else { continue };
            let deployment: Deployment = serde_json::from_slice(&text)?;
            let address = deployment.address;
            serving.insert(address, Machine::start(deployment, Some(folder), &room).await?);
        }
        tracing::info!(machines = serving.len(), life = room.life, "serving");
        Ok(Self { dir, room, serving: Mutex::new(serving) })
    }

    /// Makes sure that an agent is where it is to be, with its newest certificate. Another one that is there goes.
    ///
    /// # Errors
    /// When it cannot start there.
    pub(crate) async fn deploy(&self, deployment: Deployment) -> anyhow::Result<()> {
        self.room.weather.answers(deployment.address.ip()).await;
        let mut serving = self.serving.lock().await;
        let address = deployment.address;
        let dir = self.dir.as_ref().map(|dir| dir.join(address.to_string()));
        if let Some(dir) = &dir {
            fs::create_dir_all(dir)?;
            write(&dir.join(DEPLOYMENT), &serde_json::to_vec(&deployment)?).context("the deployment is not kept")?;
        }
        if let Some(machine) = serving.get_mut(&address).filter(|machine| machine.agent() == deployment.agent) {
            return machine.renew(deployment);
        }
        if let Some(other) = serving.remove(&address) {
            other.stop().await;
        }
        tracing::info!(?deployment, "deployed");
        serving.insert(address, Machine::start(deployment, dir, &self.room).await?);
        Ok(())
    }

    /// Every agent, with what is on its machine.
    pub(crate) async fn seen(&self) -> Vec<Seen> {
        self.serving.lock().await.values().map(Machine::seen).collect()
    }

    /// What the agents worked on, each machine's in order.
    pub(crate) async fn executions(&self) -> Vec<Execution> {
        self.serving.lock().await.values().flat_map(Machine::executions).collect()
    }

    pub(crate) fn room(&self) -> &Room {
        &self.room
    }
}

/// Replaces a file that only its owner may read.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    fs::rename(&part, path)
}
