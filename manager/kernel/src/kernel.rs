//! The handle that services keep.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use cumulo_schema::{ApiMeta, ErrorCode, Uuid, codes};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::{ApiTable, Authenticator, Jobs},
    bus::Bus,
    cascade::Cascade,
    cluster::Cluster,
    config::{Binding, GlobalConfigs, ResourceConfigs},
    db::Db,
    faults::Faults,
    flow::{Around, Flows},
    gc::{Collector, Debts},
    hook::Hooks,
    metrics::Metrics,
    query::{QueryEngine, Schema},
    queue::Queues,
    quota::QuotaDef,
    registry::Registry,
    tag::TagDefs,
    timeline::Timeline,
    vault::Vault,
    work::Work,
};

/// How often what happened by itself is recorded.
const TIMELINE_ROUND: Duration = Duration::from_secs(1);
/// How often ended flows and jobs are forgotten.
const FORGET_ROUND: Duration = Duration::from_mins(10);
/// How long a stop waits for work under way.
const DRAIN: Duration = Duration::from_secs(30);

/// The management kernel; clones share it.
#[derive(Clone)]
pub struct Kernel {
    inner: Arc<Inner>,
}

struct Inner {
    node: Uuid,
    db: Db,
    bus: Bus,
    queues: Queues,
    faults: Faults,
    flows: Flows,
    debts: Debts,
    cluster: Cluster,
    work: Work,
    hooks: Hooks,
    timeline: Timeline,
    jobs: Jobs,
    configs: GlobalConfigs,
    metrics: Metrics,
    vault: Vault,
    stop: CancellationToken,
    /// The lease is not needed any more.
    closing: CancellationToken,
    background: TaskTracker,
    installed: OnceLock<(Installed, QueryEngine)>,
}

/// What `Setup` collected.
pub(crate) struct Installed {
    pub(crate) registry: Arc<Registry>,
    pub(crate) apis: ApiTable,
    pub(crate) schema: Arc<Schema>,
    pub(crate) tags: TagDefs,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) quotas: Vec<QuotaDef>,
    pub(crate) cascade: Cascade,
    pub(crate) collector: Collector,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("node", &self.inner.node).finish_non_exhaustive()
    }
}

impl Kernel {
    pub(crate) fn new(db: Db, node: Uuid, vault: Vault) -> Self {
        let (queues, faults, debts) = (Queues::default(), Faults::default(), Debts::new(db.clone(), node));
        let (work, stop, cluster) = (Work::default(), CancellationToken::new(), Cluster::alone(node));
        let hooks = Hooks::new(stop.clone());
        let timeline = Timeline::new(db.clone(), node, work.clone());
        let bus = Bus::new(faults.clone(), db.clone(), cluster.clone(), (work.clone(), timeline.clone()));
        let around =
            Around { work: work.clone(), bus: bus.clone(), cluster: cluster.clone(), timeline: timeline.clone() };
        let flows = Flows::new(db.clone(), queues.clone(), faults.clone(), debts.clone(), around);
        let inner = Inner {
            node,
            bus,
            queues,
            flows,
            debts,
            faults,
            jobs: Jobs::new(db.clone(), cluster.clone(), work.clone(), hooks.clone()),
            cluster,
            work,
            hooks,
            timeline,
            configs: GlobalConfigs::new(db.clone()),
            metrics: Metrics::new(db.commits().clone()),
            vault,
            stop,
            closing: CancellationToken::new(),
            background: TaskTracker::new(),
            installed: OnceLock::new(),
            db,
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn open(&self, installed: Installed) {
        let query = QueryEngine::new(self.db().clone(), installed.schema.clone(), installed.registry.clone());
        let opened = self.inner.installed.set((installed, query)).is_ok();
        debug_assert!(opened, "the kernel opens once");
    }

    /// This management node.
    #[must_use]
    pub fn node(&self) -> Uuid {
        self.inner.node
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// The bus.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    /// The work queues.
    #[must_use]
    pub fn queues(&self) -> &Queues {
        &self.inner.queues
    }

    /// Runs `work` while nobody else, on this node or on another one that shares its database, runs something on `lane`: what
    /// it finds stays true until it has written. Within one node, [`Queues::run`] costs less.
    ///
    /// # Errors
    /// Those of `work`; SYS.1001 when another node did not finish with the lane before the current deadline.
    pub async fn alone<T>(&self, lane: &str, work: impl Future<Output = Result<T, ErrorCode>>) -> Result<T, ErrorCode> {
        let in_turn = async {
            let turn = self.cluster().turn(lane).await?;
            let done = work.await;
            turn.give_back().await;
            done
        };
        self.queues().run(lane, 1, in_turn).await
    }

    /// This node among the others.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.inner.cluster
    }

    /// The flow engine.
    #[must_use]
    pub fn flows(&self) -> &Flows {
        &self.inner.flows
    }

    /// Records debts.
    #[must_use]
    pub fn debts(&self) -> &Debts {
        &self.inner.debts
    }

    /// What is under way on behalf of jobs.
    #[must_use]
    pub fn work(&self) -> &Work {
        &self.inner.work
    }

    /// Posts to web hooks.
    #[must_use]
    pub fn hooks(&self) -> &Hooks {
        &self.inner.hooks
    }

    /// What happens to resources.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.inner.timeline
    }

    /// How many jobs run and how many wait for their turn; of long jobs, how many run and wait.
    #[must_use]
    pub fn job_depths(&self) -> ((usize, usize), (usize, usize)) {
        self.inner.jobs.depths()
    }

    /// The global settings.
    #[must_use]
    pub fn configs(&self) -> &GlobalConfigs {
        &self.inner.configs
    }

    /// The settings of single resources.
    #[must_use]
    pub fn resource_configs(&self) -> ResourceConfigs<'_> {
        ResourceConfigs::new(self)
    }

    /// Seals secrets at rest.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// Where tests reach in.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Drivers and observers.
    ///
    /// # Panics
    /// Before [`crate::Setup::start`].
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.installed().registry
    }

    /// The query engine.
    ///
    /// # Panics
    /// Before [`crate::Setup::start`].
    #[must_use]
    pub fn query(&self) -> &QueryEngine {
        match self.inner.installed.get() {
            Some((_, query)) => query,
            None => panic!("the kernel is used before it started"),
        }
    }

    /// The declared system tags.
    ///
    /// # Panics
    /// Before [`crate::Setup::start`].
    #[must_use]
    pub fn tags(&self) -> &TagDefs {
        &self.installed().tags
    }

    /// The declared quotas.
    ///
    /// # Panics
    /// Before [`crate::Setup::start`].
    #[must_use]
    pub fn quotas(&self) -> &[QuotaDef] {
        &self.installed().quotas
    }

    /// The cascade.
    ///
    /// # Panics
    /// Before [`crate::Setup::start`].
    #[must_use]
    pub fn cascade(&self) -> &Cascade {
        &self.installed().cascade
    }

    /// The APIs that this node answers, sorted by name.
    #[must_use]
    pub fn supported_apis(&self) -> Vec<&'static ApiMeta> {
        self.apis().supported()
    }

    /// Tries a debt now.
    ///
    /// # Errors
    /// SYS.1003 when there is none; otherwise what the try said.
    pub async fn trigger_debt(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        self.installed().collector.trigger(uuid).await
    }

    /// Whether the node is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// Ends when the node stops.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    /// Runs `work` in the background until it ends or the node stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stopping();
        self.inner.background.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Stops: background work ends, what is under way gets half a minute, the database is closed. Flows that are cut off
    /// go on at the next start. A node among others hands over what is under way and leaves.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        if let Some(amqp) = self.bus().amqp() {
            amqp.drain();
        }
        // Where there are others they go on at once with what is under way.
        self.cluster().leave(self.bus(), DRAIN).await;
        self.inner.background.close();
        if tokio::time::timeout(DRAIN, self.inner.background.wait()).await.is_err() {
            tracing::warn!("background work did not end in time");
        }
        self.inner.flows.drain(DRAIN).await;
        if let Err(error) = self.timeline().flush().await {
            tracing::debug!(%error, "what happened last is in no timeline");
        }
        self.inner.closing.cancel();
        if let Some(amqp) = self.bus().amqp() {
            amqp.close().await;
        }
        self.inner.db.close().await;
    }

    pub(crate) fn spawn_rounds(&self) {
        let kernel = self.clone();
        self.spawn(async move { kernel.collector().rounds().await });
        let kernel = self.clone();
        self.spawn(async move {
            loop {
                tokio::time::sleep(TIMELINE_ROUND).await;
                if let Err(error) = kernel.timeline().flush().await {
                    tracing::warn!(%error, "what happened by itself could not be recorded");
                }
            }
        });
        let kernel = self.clone();
        self.spawn(async move {
            loop {
                let timelines = kernel.timeline().forget_old(kernel.configs()).await;
                for outcome in [kernel.flows().forget_old().await, kernel.jobs().forget_old().await, timelines] {
                    if let Err(error) = outcome {
                        tracing::warn!(%error, "old flows, jobs and timelines could not be forgotten");
                    }
                }
                tokio::time::sleep(FORGET_ROUND).await;
            }
        });
    }

    /// Keeps this node among the others, and takes up what nobody works on.
    pub(crate) fn spawn_beat(&self) {
        if !self.cluster().is_shared() {
            return;
        }
        // Not ended by a stop: the lease is needed until everything is handed over.
        let (cluster, bus, closing) = (self.cluster().clone(), self.bus().clone(), self.inner.closing.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = cluster.beat(bus) => {}
                () = closing.cancelled() => {}
            }
        });
        let kernel = self.clone();
        self.spawn(async move {
            let mut looks = kernel.cluster().looks();
            loop {
                looks.borrow_and_update();
                if let Err(error) = kernel.take_up().await {
                    tracing::warn!(%error, "what other nodes left could not be looked at");
                    kernel.cluster().strayed();
                }
                if looks.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Takes up flows and jobs that are this node's and that nobody works on, and settings that others changed.
    async fn take_up(&self) -> Result<(), ErrorCode> {
        if self.cluster().is_fenced() {
            return Ok(());
        }
        self.configs().refresh().await?;
        let stray = self.cluster().take_stray();
        let flows = self.flows().adoptable(stray).await?;
        if !flows.is_empty() {
            let jobs: Vec<Uuid> = flows.iter().filter_map(|flow| flow.job_uuid).collect();
            let times = self.jobs().times_of(&jobs).await?;
            if self.flows().adopt(flows, &times).await? {
                self.cluster().strayed();
            }
        }
        self.jobs().adopt(self, stray).await
    }

    pub(crate) fn collector(&self) -> &Collector {
        &self.installed().collector
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.installed().bindings
    }

    pub(crate) fn apis(&self) -> &ApiTable {
        &self.installed().apis
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    pub(crate) fn authenticator(&self) -> Result<&Arc<dyn Authenticator>, ErrorCode> {
        let none = || ErrorCode::new(codes::NO_SERVICE, "no installed service knows sessions");
        self.installed().authenticator.as_ref().ok_or_else(none)
    }

    fn installed(&self) -> &Installed {
        match self.inner.installed.get() {
            Some((installed, _)) => installed,
            None => panic!("the kernel is used before it started"),
        }
    }
}
