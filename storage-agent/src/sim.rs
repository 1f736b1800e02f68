//! A simulated backup storage: the same commands under the same runtime, with fake doors and an in-process wire.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use cumulo_agent_rt::{
    AgentLink, Callbacks, Reporter, Runtime, RuntimeParts,
    sim::{Faults, LossyCallbacks, Setting, SimLink, faulty},
    storage::{FakeDisks, FakeFile},
};
use tokio_util::sync::CancellationToken;

use crate::{StorageHost, commands, origin::FakeOrigin};

/// A simulated backup storage with its agent.
pub struct SimStorage {
    runtime: Mutex<Runtime<StorageHost>>,
    host: Arc<StorageHost>,
    disks: FakeDisks,
    origin: FakeOrigin,
    faults: Faults,
}

impl SimStorage {
    /// A fresh one with `disk` bytes whose agent tells the manager through `callbacks`. Must be called within a tokio
    /// runtime.
    ///
    /// # Panics
    /// Never: nothing of it is on disk.
    pub fn new(agent_id: &str, disk: u64, callbacks: Arc<dyn Callbacks>) -> Self {
        Self::open(agent_id, disk, Setting::in_memory(commands(), callbacks)).expect("memory has no errors")
    }

    /// The one with `disk` bytes that is kept where `setting` says, or a fresh one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When what it keeps cannot be read.
    pub fn open(agent_id: &str, disk: u64, setting: Setting<StorageHost>) -> io::Result<Self> {
        let opened = setting.open()?;
        let disks = match &setting.dir {
            None => FakeDisks::new(disk),
            Some(dir) => FakeDisks::kept(disk, &dir.join("files"))?,
        };
        let origin = FakeOrigin::new(disks.clone());
        let faults = Faults::default();
        let host = Arc::new(StorageHost {
            agent_id: agent_id.to_owned(),
            hostname: format!("sim-{agent_id}"),
            ssh_host_keys: Vec::new(),
            disks: Arc::new(disks.clone()),
            roots: opened.roots,
            origin: Arc::new(origin.clone()),
            changed: Arc::default(),
        });
        let runtime = Runtime::start(RuntimeParts {
            agent_id: agent_id.to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            host: Arc::clone(&host),
            commands: faulty(setting.commands, &faults),
            journal: opened.journal,
            callbacks: Arc::new(LossyCallbacks::new(setting.callbacks, faults.clone())),
            manager: setting.manager,
        });
        Ok(Self { runtime: Mutex::new(runtime), host, disks, origin, faults })
    }

    /// The manager's way to the agent.
    pub fn link(&self) -> Arc<dyn AgentLink> {
        Arc::new(SimLink::new(self.runtime(), self.faults.clone()))
    }

    /// The agent's runtime, for serving it over a real wire.
    pub fn runtime(&self) -> Runtime<StorageHost> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The agent's process has died with everything that it had in hand, as its tokio runtime, and another one begins over the
    /// same machine, with the tasks of its journal. Must be called within a tokio runtime. Links made before lead nowhere: make
    /// new ones.
    pub fn restart(&self) {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        *runtime = runtime.again();
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What is where on the web.
    pub fn origin(&self) -> &FakeOrigin {
        &self.origin
    }

    /// Its disk, for hosts that bring files to it.
    pub fn disks(&self) -> FakeDisks {
        self.disks.clone()
    }

    /// The files there are.
    pub fn files(&self) -> BTreeMap<PathBuf, FakeFile> {
        self.disks.files()
    }

    /// Begins to report to whichever manager connects, until `stop`.
    pub fn report(&self, stop: CancellationToken) {
        tokio::spawn(Reporter::new(self.runtime(), Arc::clone(&self.host) as _).run(stop));
    }
}
