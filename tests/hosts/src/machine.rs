//! One agent at its address, and the machine that it believes to be on.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, middleware};
use cumulo_agent_rt::{
    Callbacks, HttpCallbacks, Runtime, serve,
    sim::{Notebook, Setting},
    tls::{self, Identity},
};
use cumulo_kvm_agent::{
    domains::FakeDomain,
    sim::{SimHost, SimSpec},
};
use cumulo_sim_hosts::{
    Record, Way, Weather,
    control::{Deployment, Execution, Guest, Kind, Machine as Seen, StoredFile},
    recorded,
};
use cumulo_storage_agent::sim::SimStorage;
use rustls::{ClientConfig, ServerConfig};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::gate::{Gate, Managers, pass};

/// How often hosts are measured, as real ones.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// Bytes on the disk of a backup storage.
const STORAGE_DISK: u64 = 1 << 40;

/// What all machines have in common.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) weather: Arc<Weather>,
    pub(crate) managers: Arc<Managers>,
    /// Which life of the process this is.
    pub(crate) life: u64,
}

/// An agent that serves.
pub(crate) struct Machine {
    deployment: Deployment,
    server: watch::Sender<Arc<ServerConfig>>,
    client: watch::Sender<Arc<ClientConfig>>,
    record: Arc<Record>,
    body: Body,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

enum Body {
    Host(Box<SimHost>),
    Storage(SimStorage),
}

impl Machine {
    /// Starts the agent that `deployment` says over what is kept in `dir`, or in memory.
    ///
    /// # Errors
    /// When its certificate is none, its address is taken, or what is kept cannot be read.
    pub(crate) async fn start(deployment: Deployment, dir: Option<PathBuf>, room: &Room) -> anyhow::Result<Self> {
        let (server, client) = identity(&deployment)?;
        let (server, client) = (watch::Sender::new(server), watch::Sender::new(client));
        let (address, agent) = (deployment.address, deployment.agent.as_str());
        let listener = TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened at"))?;
        if let Some(dir) = &dir {
            std::fs::create_dir_all(dir)?;
        }
        let record = Arc::new(Record::open(address, agent, room.life, dir.as_deref())?);
        let way = Way {
            callbacks: Arc::new(HttpCallbacks::new(client.subscribe())),
            machine: address.ip(),
            record: record.clone(),
            weather: room.weather.clone(),
        };
        let (manager, stop) = (Remembered::open(dir.as_ref())?, CancellationToken::new());
        let setting = Outside { dir, way: Arc::new(way), manager: manager.last.clone() };
        let (body, router) = match deployment.kind {
            Kind::KvmAgent => {
                let commands = recorded(cumulo_kvm_agent::commands(), &record, &room.weather);
                let host = SimHost::open(SimSpec::new(agent), setting.of(commands))?;
                host.report();
                host.measure(MEASURE_EVERY);
                tokio::spawn(manager.follow(host.runtime(), stop.clone()));
                let router = host.runtime().router();
                (Body::Host(Box::new(host)), router)
            }
            Kind::StorageAgent => {
                let commands = recorded(cumulo_storage_agent::commands(), &record, &room.weather);
                let storage = SimStorage::open(agent, STORAGE_DISK, setting.of(commands))?;
                storage.report(stop.clone());
                tokio::spawn(manager.follow(storage.runtime(), stop.clone()));
                let router = storage.runtime().router();
                (Body::Storage(storage), router)
            }
        };
        let router = gated(router, address, room);
        let serving = tokio::spawn(serve(listener, server.subscribe(), router, stop.clone()));
        Ok(Self { deployment, server, client, record, body, stop, serving })
    }

    /// Its agent's id.
    pub(crate) fn agent(&self) -> &str {
        &self.deployment.agent
    }

    /// Shows another certificate from now on.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn renew(&mut self, deployment: Deployment) -> anyhow::Result<()> {
        let (server, client) = identity(&deployment)?;
        self.server.send_replace(server);
        self.client.send_replace(client);
        self.deployment = deployment;
        Ok(())
    }

    /// Ends the agent in order; the machine stays as it is.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        match &self.body {
            Body::Host(host) => host.runtime().stop().await,
            Body::Storage(storage) => storage.runtime().stop().await,
        }
        // Nothing but a panic of it could be learnt, which its log has.
        let _ = self.serving.await;
    }

    /// What is on it.
    pub(crate) fn seen(&self) -> Seen {
        let (guests, files) = match &self.body {
            Body::Host(host) => (host.doors().domains.domains(), host.doors().disks.files()),
            Body::Storage(storage) => (Default::default(), storage.files()),
        };
        let files = files.into_iter().map(|(path, file)| StoredFile { path, size: file.actual_size });
        Seen {
            address: self.deployment.address,
            kind: self.deployment.kind,
            agent: self.deployment.agent.clone(),
            guests: guests.into_iter().map(|(vm, domain)| guest(vm.into(), domain)).collect(),
            files: files.collect(),
            busy_ms: self.record.busy().as_secs_f64() * 1e3,
        }
    }

    /// What its agent worked on.
    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.record.executions()
    }
}

fn guest(vm: String, domain: FakeDomain) -> Guest {
    Guest {
        vm,
        power: domain.state.to_string(),
        macs: domain.spec.nics.iter().map(|nic| nic.mac.to_string()).collect(),
        disks: domain.spec.disks.into_iter().map(|disk| disk.path).collect(),
    }
}

fn identity(deployment: &Deployment) -> anyhow::Result<(Arc<ServerConfig>, Arc<ClientConfig>)> {
    let Deployment { ca, certificate, key, agent, .. } = deployment;
    let identity = Identity::from_pem(ca, certificate, key);
    let identity = identity.with_context(|| format!("the certificate of {agent} cannot be used"))?;
    Ok((tls::agent_server(&identity)?, tls::client(&identity)?))
}

fn gated(router: Router, address: SocketAddr, room: &Room) -> Router {
    let gate = Gate { machine: address.ip(), weather: room.weather.clone(), managers: room.managers.clone() };
    router.layer(middleware::from_fn_with_state(gate, pass))
}

/// What an agent gets from outside, whatever it does.
struct Outside {
    dir: Option<PathBuf>,
    way: Arc<dyn Callbacks>,
    manager: Option<String>,
}

impl Outside {
    fn of<H>(self, commands: cumulo_agent_rt::Commands<H>) -> Setting<H> {
        Setting { dir: self.dir, commands, callbacks: self.way, manager: self.manager }
    }
}

/// Which manager to report to after a restart.
struct Remembered {
    notes: Notebook,
    last: Option<String>,
}

impl Remembered {
    const KEY: &str = "manager";

    fn open(dir: Option<&PathBuf>) -> std::io::Result<Self> {
        let Some(dir) = dir else { return Ok(Self { notes: Notebook::forgetful(), last: None }) };
        let (notes, mut entries) = Notebook::open::<String, String>(&dir.join("manager"))?;
        Ok(Self { notes, last: entries.remove(Self::KEY) })
    }

    async fn follow<H: Send + Sync + 'static>(self, runtime: Runtime<H>, stop: CancellationToken) {
        let mut manager = runtime.manager();
        drop(runtime);
        while let Some(Ok(())) = stop.run_until_cancelled(manager.changed()).await {
            self.notes.note(&Self::KEY, manager.borrow_and_update().as_ref());
        }
    }
}
