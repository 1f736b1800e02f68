//! One machine with its agent.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cumulo_agent_rt::{AgentLink, Callbacks, PostError, sim::Setting};
use cumulo_gateway::AgentKind;
use cumulo_kvm_agent::sim::{SimHost, SimSpec};
use cumulo_proto::{Outcome, Progress, Report, Samples};
use cumulo_schema::Uuid;
use cumulo_sim_hosts::{
    Record,
    control::{Execution, Guest, Kind, Machine as Seen, StoredFile},
    recorded,
};
use cumulo_storage_agent::sim::SimStorage;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::machines::Machines;

/// Bytes on the disk of a backup storage.
const STORAGE_DISK: u64 = 1 << 40;
/// How long a node may take to take what an agent tells, as over HTTP.
const POST: Duration = Duration::from_secs(10);

pub(crate) struct Machine {
    pub(crate) agent: Uuid,
    address: SocketAddr,
    record: Arc<Record>,
    body: Body,
}

enum Body {
    Host(Box<SimHost>),
    Storage {
        storage: Box<SimStorage>,
        /// Of its reports, in this life.
        reporting: Mutex<DropGuard>,
    },
}

impl Machine {
    /// A fresh one at an address, whose agent, with this id, begins to live here in the process' life `life`.
    pub(crate) fn new(
        machines: &Arc<Machines>,
        (address, agent): (SocketAddr, Uuid),
        kind: AgentKind,
        life: u64,
    ) -> io::Result<Self> {
        let (name, weather) = (agent.to_string(), &machines.weather);
        let record = Arc::new(Record::open(address, &name, life, None)?);
        let way = Arc::new(cumulo_sim_hosts::Way {
            callbacks: Arc::new(Post { machines: machines.clone(), address }),
            machine: address.ip(),
            record: record.clone(),
            weather: weather.clone(),
        });
        let body = match kind {
            AgentKind::Kvm => {
                let commands = recorded(cumulo_kvm_agent::commands(), &record, weather);
                let host = SimHost::open(SimSpec::new(&name), Setting::in_memory(commands, way))?;
                host.report();
                Body::Host(Box::new(host))
            }
            AgentKind::Storage => {
                let commands = recorded(cumulo_storage_agent::commands(), &record, weather);
                let storage = Box::new(SimStorage::open(&name, STORAGE_DISK, Setting::in_memory(commands, way))?);
                let reporting = Mutex::new(report(&storage));
                Body::Storage { storage, reporting }
            }
        };
        Ok(Self { agent, address, record, body })
    }

    /// Its agent lives again, here.
    pub(crate) fn restart(&self) {
        self.record.begin_next_life();
        match &self.body {
            Body::Host(host) => {
                host.restart();
                host.report();
            }
            Body::Storage { storage, reporting } => {
                storage.restart();
                *reporting.lock().unwrap_or_else(PoisonError::into_inner) = report(storage);
            }
        }
    }

    /// Into the agent that lives now.
    pub(crate) fn link(&self) -> Arc<dyn AgentLink> {
        match &self.body {
            Body::Host(host) => host.link(),
            Body::Storage { storage, .. } => storage.link(),
        }
    }

    /// Which task a request is about.
    pub(crate) fn task_of(&self, path: &str, request: &[u8]) -> Option<String> {
        let peeked = match &self.body {
            Body::Host(host) => host.runtime().peek(path, request),
            Body::Storage { storage, .. } => storage.runtime().peek(path, request),
        };
        peeked.map(|(_, task)| task)
    }

    /// What is on it.
    pub(crate) fn seen(&self) -> Seen {
        let (kind, guests, files) = match &self.body {
            Body::Host(host) => (Kind::KvmAgent, host.doors().domains.domains(), host.doors().disks.files()),
            Body::Storage { storage, .. } => (Kind::StorageAgent, Default::default(), storage.files()),
        };
        let guests = guests.into_iter().map(|(vm, domain)| Guest {
            vm: vm.into(),
            power: domain.state.to_string(),
            macs: domain.spec.nics.iter().map(|nic| nic.mac.to_string()).collect(),
            disks: domain.spec.disks.into_iter().map(|disk| disk.path).collect(),
        });
        let files = files.into_iter().map(|(path, file)| StoredFile { path, size: file.actual_size });
        Seen {
            address: self.address,
            kind,
            agent: self.agent.to_string(),
            guests: guests.collect(),
            files: files.collect(),
            busy_ms: self.record.busy().as_secs_f64() * 1e3,
        }
    }

    /// What its agent worked on, in all its lives.
    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.record.executions()
    }
}

fn report(storage: &SimStorage) -> DropGuard {
    let stop = CancellationToken::new();
    storage.report(stop.clone());
    stop.drop_guard()
}

/// The way of an agent to the node whose id is in the URL to call back.
struct Post {
    machines: Arc<Machines>,
    address: SocketAddr,
}

impl Post {
    async fn tell<W: Future<Output = Result<(), PostError>> + Send + 'static>(
        &self,
        base: &str,
        what: String,
        work: impl FnOnce(Arc<dyn Callbacks>) -> W + Send + 'static,
    ) -> Result<(), PostError> {
        let unreachable = |cause: &str| PostError::Unreachable { url: base.to_owned(), cause: cause.to_owned().into() };
        let node = base.strip_prefix("https://").and_then(|rest| rest.split('/').next()?.parse().ok());
        let n = node.and_then(|uuid| self.machines.node(uuid)).ok_or_else(|| unreachable("it is no node"))?;
        let (machines, address) = (self.machines.clone(), self.address);
        let serve = move || {
            machines.outside.trace.note(format_args!("{address} to node {n}: {what}"));
            machines.at_node(n, work)
        };
        let told = self.machines.exchange(n, POST, serve).await;
        told.ok_or_else(|| unreachable("nothing was heard of it"))?
    }
}

#[async_trait]
impl Callbacks for Post {
    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        let (what, url, outcome) = (format!("outcome of {}", outcome.task_id), base.to_owned(), outcome.clone());
        self.tell(base, what, |node| async move { node.outcome(&url, &outcome).await }).await
    }

    async fn progress(&self, base: &str, progress: &Progress) -> Result<(), PostError> {
        let (what, url, progress) = (format!("progress of {}", progress.task_id), base.to_owned(), progress.clone());
        self.tell(base, what, |node| async move { node.progress(&url, &progress).await }).await
    }

    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError> {
        let (what, url, report) = (format!("report {}", report.sequence), base.to_owned(), report.clone());
        self.tell(base, what, |node| async move { node.report(&url, &report).await }).await
    }

    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError> {
        let (url, samples) = (base.to_owned(), samples.clone());
        self.tell(base, "samples".to_owned(), |node| async move { node.samples(&url, &samples).await }).await
    }
}
