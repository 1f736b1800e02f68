//! A simulated host: the same commands under the same runtime, with fake doors and an in-process wire.
//!
//! For the manager's tests and for anybody who wants a cloud without servers. What exists on it can be looked at as a
//! whole ([`SimHost::world`]) and compared; everything on the way to it can be made to fail ([`SimHost::faults`]). It may
//! live in memory, or in a folder ([`SimHost::open`]): then a process that is killed and started again finds the guests,
//! files and bridges that a real agent would find after its own death.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cumulo_agent_rt::{
    AgentLink, Callbacks, Commands, Journal, Reporter, Runtime, RuntimeParts, Sampler,
    sim::{Faults, LossyCallbacks, Opened, Setting, SimLink, faulty},
    storage::{FakeDisks, FakeFile, Roots},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    IfName, KvmHost, ObjectId, commands,
    dhcp::{DhcpEntry, FakeDhcp, Networks, UserdataEntry},
    domains::{FakeDomain, FakeDomains},
    facts::FakeFacts,
    images::FakeImages,
    network::{FakeBridge, FakeNetwork},
    packages::FakePackages,
    usage::Meter,
    userdata::FakeUserdata,
};

/// What a simulated host is made of.
#[derive(Debug, Clone)]
pub struct SimSpec {
    /// Its uuid.
    pub uuid: String,
    /// CPU, memory and the like.
    pub facts: FakeFacts,
    /// Bytes on its disk.
    pub disk: u64,
    /// Its physical NICs.
    pub nics: Vec<IfName>,
}

impl SimSpec {
    /// A host of 64 CPUs, 256 GiB of memory, 4 TiB of disk and the NICs `eth0` and `eth1`.
    ///
    /// # Panics
    /// Never: the names are well-formed.
    pub fn new(uuid: &str) -> Self {
        let nics = ["eth0", "eth1"].map(|nic| IfName::try_from(nic).expect("a well-formed name"));
        let facts = FakeFacts::new(&format!("sim-{uuid}"), 64, 256 << 30);
        Self { uuid: uuid.to_owned(), facts, disk: 4 << 40, nics: nics.to_vec() }
    }
}

/// A simulated host with its agent.
pub struct SimHost {
    spec: SimSpec,
    doors: Doors,
    faults: Faults,
    callbacks: Arc<dyn Callbacks>,
    agent: Mutex<Agent>,
}

/// The fakes.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Virtual machines.
    pub domains: FakeDomains,
    /// Image files.
    pub disks: FakeDisks,
    /// Bridges.
    pub network: FakeNetwork,
    /// DHCP servers.
    pub dhcp: FakeDhcp,
    /// Metadata services.
    pub userdata: FakeUserdata,
    /// Images on backup storage.
    pub images: FakeImages,
    /// Packages of the operating system.
    pub packages: FakePackages,
}

struct Agent {
    runtime: Runtime<KvmHost>,
    host: Arc<KvmHost>,
    reporter: Option<DropGuard>,
    sampler: Option<DropGuard>,
    server: Option<DropGuard>,
}

/// What exists on a host, to be compared with what existed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimWorld {
    /// Virtual machines.
    pub vms: BTreeMap<ObjectId, FakeDomain>,
    /// Image files.
    pub files: BTreeMap<PathBuf, FakeFile>,
    /// Bridges.
    pub bridges: BTreeMap<IfName, FakeBridge>,
    /// VLANs by device: of which NIC, and their id.
    pub vlans: BTreeMap<IfName, (IfName, u16)>,
    /// L3 networks with DHCP.
    pub networks: BTreeSet<ObjectId>,
    /// What DHCP gives out: by network and NIC.
    pub leases: BTreeMap<(ObjectId, ObjectId), DhcpEntry>,
    /// What the metadata service tells: by network and VM.
    pub userdata: BTreeMap<(ObjectId, ObjectId), UserdataEntry>,
}

impl SimWorld {
    /// Without what stays when the VM that first needed it goes: bridges, and networks that serve nobody.
    #[must_use]
    pub fn without_infrastructure(self) -> Self {
        Self { bridges: BTreeMap::new(), vlans: BTreeMap::new(), networks: BTreeSet::new(), ..self }
    }
}

impl SimHost {
    /// A fresh host whose agent tells the manager through `callbacks`. Must be called within a tokio runtime.
    ///
    /// # Panics
    /// Never: nothing of it is on disk.
    pub fn new(spec: SimSpec, callbacks: Arc<dyn Callbacks>) -> Self {
        Self::open(spec, Setting::in_memory(commands(), callbacks)).expect("memory has no errors")
    }

    /// The host that is kept where `setting` says, or a fresh one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When what it keeps cannot be read.
    pub fn open(spec: SimSpec, setting: Setting<KvmHost>) -> io::Result<Self> {
        let opened = setting.open()?;
        let nics = spec.nics.iter().cloned();
        let (domains, disks, network, networks) = match &setting.dir {
            None => (FakeDomains::default(), FakeDisks::new(spec.disk), FakeNetwork::new(nics), Networks::in_memory()),
            Some(dir) => (
                FakeDomains::kept(&dir.join("guests"))?,
                FakeDisks::kept(spec.disk, &dir.join("files"))?,
                FakeNetwork::kept(nics, dir)?,
                Networks::load(dir.join("networks")).map_err(io::Error::other)?,
            ),
        };
        let doors = Doors {
            domains,
            network,
            dhcp: FakeDhcp::default(),
            userdata: FakeUserdata::default(),
            images: FakeImages::new(disks.clone()),
            packages: FakePackages::default(),
            disks,
        };
        let faults = Faults::default();
        let callbacks: Arc<dyn Callbacks> = Arc::new(LossyCallbacks::new(setting.callbacks, faults.clone()));
        let commands = faulty(setting.commands, &faults);
        let host = host(&spec, &doors, opened.roots, networks);
        let mut agent = start(&spec, host, opened.journal, commands, Arc::clone(&callbacks), setting.manager);
        if setting.dir.is_some() {
            agent.keep_serving();
        }
        Ok(Self { spec, doors, faults, callbacks, agent: Mutex::new(agent) })
    }

    /// The manager's way to the agent.
    pub fn link(&self) -> Arc<dyn AgentLink> {
        Arc::new(SimLink::new(self.runtime(), self.faults.clone()))
    }

    /// The agent's runtime, for serving it over a real wire.
    pub fn runtime(&self) -> Runtime<KvmHost> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner).runtime.clone()
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The fakes, to look at and to tamper with.
    pub fn doors(&self) -> &Doors {
        &self.doors
    }

    /// What exists on the host.
    pub fn world(&self) -> SimWorld {
        let networks = self.doors.dhcp.applied();
        let leases = networks.iter().flat_map(|(l3, state)| {
            state.entries.iter().map(|(nic, entry)| ((l3.clone(), nic.clone()), entry.clone()))
        });
        let userdata = self
            .doors
            .userdata
            .served()
            .into_iter()
            .flat_map(|(l3, vms)| vms.into_iter().map(move |(vm, entry)| ((l3.clone(), vm), entry)));
        SimWorld {
            vms: self.doors.domains.domains(),
            files: self.doors.disks.files(),
            bridges: self.doors.network.bridges(),
            vlans: self.doors.network.vlans(),
            networks: networks.keys().cloned().collect(),
            leases: leases.collect(),
            userdata: userdata.collect(),
        }
    }

    /// Begins to report to whichever manager connects, as a real agent does.
    pub fn report(&self) {
        let mut agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        let stop = CancellationToken::new();
        tokio::spawn(Reporter::new(agent.runtime.clone(), Arc::clone(&agent.host) as _).run(stop.clone()));
        agent.reporter = Some(stop.drop_guard());
    }

    /// Begins to measure, as a real agent does but every `period`, and to tell whichever manager is connected.
    pub fn measure(&self, period: Duration) {
        let mut agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        let stop = CancellationToken::new();
        let meter = Arc::new(Meter::new(Arc::clone(&agent.host)));
        tokio::spawn(Sampler::new(agent.runtime.clone(), meter).every(period).run(stop.clone()));
        agent.sampler = Some(stop.drop_guard());
    }

    /// The agent's process has died with everything that it had in hand, as its tokio runtime, and another one begins over the
    /// same machine: with the tasks of its journal, and serving what was served. Must be called within a tokio runtime. Links
    /// made before lead nowhere: make new ones.
    pub fn restart(&self) {
        let mut agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        let (runtime, host) = (agent.runtime.again(), Arc::clone(&agent.host));
        *agent = Agent { runtime, host, reporter: None, sampler: None, server: None };
        agent.keep_serving();
    }

    /// The host, which is in memory, loses power and comes back: no VM runs, DHCP and metadata are gone, disks are as they
    /// were, the agent is another process with no memory of its tasks. Links made before lead nowhere useful: make new ones.
    pub async fn lose_power(&self) {
        self.doors.domains.lose_power();
        let Opened { journal, roots } = Opened::in_memory();
        let host = host(&self.spec, &self.doors, roots, Networks::in_memory());
        let commands = faulty(commands(), &self.faults);
        let fresh = start(&self.spec, host, journal, commands, Arc::clone(&self.callbacks), None);
        for root in self.host().roots.all() {
            // It was one before.
            _ = fresh.host.roots.add(&root.to_string_lossy());
        }
        for l3 in self.doors.dhcp.applied().keys() {
            use crate::{dhcp::Dhcp as _, userdata::Userdata as _};
            // The fakes do not fail.
            _ = self.doors.dhcp.remove(l3).await;
            _ = self.doors.userdata.remove(l3).await;
        }
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    fn host(&self) -> Arc<KvmHost> {
        Arc::clone(&self.agent.lock().unwrap_or_else(PoisonError::into_inner).host)
    }
}

impl Agent {
    /// DHCP and metadata end with the process that pretends them: what was served is served again, as after the death of
    /// a real agent that took its servers along.
    fn keep_serving(&mut self) {
        let (stop, host) = (CancellationToken::new(), Arc::clone(&self.host));
        let stopped = stop.clone();
        tokio::spawn(async move { host.keep_serving(stopped).await });
        self.server = Some(stop.drop_guard());
    }
}

fn host(spec: &SimSpec, doors: &Doors, roots: Roots, networks: Networks) -> Arc<KvmHost> {
    Arc::new(KvmHost {
        uuid: spec.uuid.clone(),
        domains: Arc::new(doors.domains.clone()),
        disks: Arc::new(doors.disks.clone()),
        roots,
        network: Arc::new(doors.network.clone()),
        dhcp: Arc::new(doors.dhcp.clone()),
        userdata: Arc::new(doors.userdata.clone()),
        networks,
        images: Arc::new(doors.images.clone()),
        facts: Arc::new(spec.facts.clone()),
        packages: Arc::new(doors.packages.clone()),
        changed: Arc::default(),
    })
}

fn start(
    spec: &SimSpec,
    host: Arc<KvmHost>,
    journal: Journal,
    commands: Commands<KvmHost>,
    callbacks: Arc<dyn Callbacks>,
    manager: Option<String>,
) -> Agent {
    let runtime = Runtime::start(RuntimeParts {
        agent_id: spec.uuid.clone(),
        version: env!("CARGO_PKG_VERSION"),
        host: Arc::clone(&host),
        commands,
        journal,
        callbacks,
        manager,
    });
    Agent { runtime, host, reporter: None, sampler: None, server: None }
}
