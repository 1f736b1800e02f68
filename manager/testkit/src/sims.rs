//! Simulated agents, brought in where the real node would run Ansible.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_trait::async_trait;
use cumulo_agent_rt::{Callbacks, PostError, storage::FakeFile};
use cumulo_gateway::{AgentKind, DeployError, Deployer, Deployment, Gateway};
use cumulo_kvm_agent::sim::{SimHost, SimSpec, SimWorld};
use cumulo_proto::{Outcome, Progress, Report, Samples};
use cumulo_schema::Uuid;
use cumulo_storage_agent::sim::SimStorage;

/// Bytes on the disk of a simulated backup storage.
const STORAGE_DISK: u64 = 1 << 40;

/// The simulated machines; clones share them. They outlive the node, as machines do.
#[derive(Clone, Default)]
pub struct Sims {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    hosts: Mutex<BTreeMap<Uuid, Arc<SimHost>>>,
    storages: Mutex<BTreeMap<Uuid, Arc<SimStorage>>>,
    /// What every storage can download, by URL.
    published: Mutex<BTreeMap<String, FakeFile>>,
    /// The node that lives now.
    manager: Manager,
}

/// The way back to whichever node lives; machines keep it over the node's lives.
#[derive(Clone, Default)]
struct Manager(Arc<Mutex<Option<Arc<dyn Callbacks>>>>);

impl Manager {
    fn is(&self, callbacks: Arc<dyn Callbacks>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(callbacks);
    }

    fn now(&self, base: &str) -> Result<Arc<dyn Callbacks>, PostError> {
        let now = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        now.ok_or_else(|| PostError::Unreachable { url: base.to_owned(), cause: "no node lives".into() })
    }
}

#[async_trait]
impl Callbacks for Manager {
    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        self.now(base)?.outcome(base, outcome).await
    }

    async fn progress(&self, base: &str, progress: &Progress) -> Result<(), PostError> {
        self.now(base)?.progress(base, progress).await
    }

    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError> {
        self.now(base)?.report(base, report).await
    }

    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError> {
        self.now(base)?.samples(base, samples).await
    }
}

impl std::fmt::Debug for Sims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sims").finish_non_exhaustive()
    }
}

impl Sims {
    /// Makes `file` downloadable at `url`.
    pub fn publish(&self, url: &str, file: FakeFile) {
        self.inner.published.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), file);
    }

    /// The host `uuid`.
    ///
    /// # Panics
    /// When none was added under that id.
    #[must_use]
    pub fn host(&self, uuid: Uuid) -> Arc<SimHost> {
        let hosts = self.inner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&uuid).cloned().unwrap_or_else(|| panic!("no simulated host {uuid}"))
    }

    /// The backup storage `uuid`.
    ///
    /// # Panics
    /// When none was added under that id.
    #[must_use]
    pub fn storage(&self, uuid: Uuid) -> Arc<SimStorage> {
        let storages = self.inner.storages.lock().unwrap_or_else(PoisonError::into_inner);
        storages.get(&uuid).cloned().unwrap_or_else(|| panic!("no simulated storage {uuid}"))
    }

    /// Brings a report to the node as agents do, however old it is.
    ///
    /// # Errors
    /// When no node lives, or it does not take it.
    pub async fn report(&self, report: &Report) -> Result<(), PostError> {
        self.inner.manager.report("", report).await
    }

    /// What exists on all hosts, without what stays for the next VM.
    #[must_use]
    pub fn worlds(&self) -> BTreeMap<Uuid, SimWorld> {
        let hosts = self.inner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().map(|(uuid, host)| (*uuid, host.world().without_infrastructure())).collect()
    }

    /// A deployer for one life of a node. The gateway it serves is told afterwards.
    pub(crate) fn deployer(&self) -> Arc<SimDeployer> {
        Arc::new(SimDeployer { sims: self.clone(), gateway: OnceLock::new() })
    }

    /// Connects every machine that is there to `gateway`: a new life of the node finds its machines again.
    pub(crate) fn attach_all(&self, gateway: &Gateway) {
        self.inner.manager.is(gateway.callbacks());
        for (uuid, host) in &*self.inner.hosts.lock().unwrap_or_else(PoisonError::into_inner) {
            gateway.attach_link(*uuid, host.link());
        }
        for (uuid, storage) in &*self.inner.storages.lock().unwrap_or_else(PoisonError::into_inner) {
            gateway.attach_link(*uuid, storage.link());
        }
    }
}

pub(crate) struct SimDeployer {
    sims: Sims,
    gateway: OnceLock<Gateway>,
}

impl SimDeployer {
    pub(crate) fn serve(&self, gateway: &Gateway) {
        let _ = self.gateway.set(gateway.clone());
        self.sims.attach_all(gateway);
    }
}

#[async_trait]
impl Deployer for SimDeployer {
    async fn deploy(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let Some(gateway) = self.gateway.get() else {
            return Err(DeployError::BadTarget("the simulation has not started".to_owned()));
        };
        let (uuid, inner) = (deployment.agent, &self.sims.inner);
        match deployment.kind {
            AgentKind::Kvm => {
                let mut hosts = inner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
                let fresh = || Arc::new(SimHost::new(SimSpec::new(&uuid.to_string()), Arc::new(inner.manager.clone())));
                let host = hosts.entry(uuid).or_insert_with(fresh);
                gateway.attach_link(uuid, host.link());
            }
            AgentKind::Storage => {
                let mut storages = inner.storages.lock().unwrap_or_else(PoisonError::into_inner);
                let storage = storages.entry(uuid).or_insert_with(|| {
                    let storage = SimStorage::new(&uuid.to_string(), STORAGE_DISK, Arc::new(inner.manager.clone()));
                    for (url, file) in &*inner.published.lock().unwrap_or_else(PoisonError::into_inner) {
                        storage.origin().publish(url, Some(file.clone()));
                    }
                    Arc::new(storage)
                });
                gateway.attach_link(uuid, storage.link());
            }
        }
        Ok(())
    }
}
