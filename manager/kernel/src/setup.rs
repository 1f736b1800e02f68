//! Building a kernel: services and plugins install themselves into a [`Setup`], which then starts.

use std::{collections::HashMap, path::Path, sync::Arc};

use cumulo_schema::{Api, ApiKind, ApiMeta, ErrorCode, Event, Message, ResourceMeta, Uuid, system};

use crate::{
    Kernel,
    api::{ApiTable, Authenticator, HandleApi, elsewhere, settings},
    bus::{
        Handle, Handlers, OnEvent, Subscribers,
        amqp::{Amqp, Timing, carrier::BrokerAt},
    },
    cascade::{Cascade, CascadeAction, Joined},
    cluster::{RingMoved, Taking},
    config::{Binding, ConfigDef},
    db::{Db, Migration},
    flow::{ChainError, Chains, DecideFlow, Definitions, Flow, RunFlow, Step},
    gc::{Collector, GcRunner, PayDebt},
    membership::MembershipError,
    query::Schema,
    quota::QuotaDef,
    registry::Registry,
    ring::Members,
    tag::{TagDef, TagDefs},
    timeline::{self, TellTrails},
    vault::{Vault, VaultError},
};

const MIGRATIONS: &[Migration] = &[
    Migration { name: "20261121_0000_kernel", sql: include_str!("../migrations/20261121_0000_kernel.sql") },
    Migration { name: "20261121_0001_kernel_tags", sql: include_str!("../migrations/20261121_0001_kernel_tags.sql") },
    Migration { name: "20261121_0010_accounts", sql: include_str!("../migrations/20261121_0010_accounts.sql") },
    Migration { name: "20261121_0012_jobs", sql: include_str!("../migrations/20261121_0012_jobs.sql") },
    Migration {
        name: "20261121_0011_resource_config_name",
        sql: include_str!("../migrations/20261121_0011_resource_config_name.sql"),
    },
    Migration {
        name: "20261121_0230_tags_unbounded",
        sql: include_str!("../migrations/20261121_0230_tags_unbounded.sql"),
    },
    Migration { name: "20261121_0240_membership", sql: include_str!("../migrations/20261121_0240_membership.sql") },
    Migration { name: "20261121_0420_flow_steps", sql: include_str!("../migrations/20261121_0420_flow_steps.sql") },
    Migration { name: "20261121_1900_timeline", sql: include_str!("../migrations/20261121_1900_timeline.sql") },
    Migration {
        name: "20261121_2200_flow_deadline",
        sql: include_str!("../migrations/20261121_2200_flow_deadline.sql"),
    },
    Migration {
        name: "20261121_2201_long_job_part",
        sql: include_str!("../migrations/20261121_2201_long_job_part.sql"),
    },
    Migration {
        name: "20261122_0530_flow_foretold",
        sql: include_str!("../migrations/20261122_0530_flow_foretold.sql"),
    },
    Migration {
        name: "20261122_0600_debt_waits_for",
        sql: include_str!("../migrations/20261122_0600_debt_waits_for.sql"),
    },
    Migration { name: "20261122_0945_turn", sql: include_str!("../migrations/20261122_0945_turn.sql") },
];

/// Why a kernel does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error("the database could not be prepared")]
    Database(#[from] crate::db::DbError),
    /// The key.
    #[error("the vault could not be opened")]
    Vault(#[from] VaultError),
    /// The other nodes.
    #[error("this node could not join the others of its database")]
    Membership(#[from] MembershipError),
    /// The flows' configuration.
    #[error("the flow configuration is wrong")]
    Chains(#[from] ChainError),
    /// Anything else.
    #[error("the kernel could not start")]
    Other(#[from] ErrorCode),
}

/// Everything a node will consist of. `install` functions of services and plugins fill it in.
pub struct Setup {
    kernel: Kernel,
    handlers: Handlers,
    subscribers: Subscribers,
    registry: Registry,
    apis: ApiTable,
    resources: Vec<&'static ResourceMeta>,
    flows: Definitions,
    migrations: Vec<Migration>,
    configs: Vec<ConfigDef>,
    bindings: Vec<Binding>,
    tags: Vec<TagDef>,
    quotas: Vec<QuotaDef>,
    cascade: Joined,
    runners: HashMap<&'static str, Arc<dyn GcRunner>>,
    authenticator: Option<Arc<dyn Authenticator>>,
    broker: Option<BrokerAt>,
    taking: Option<Taking>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("resources", &self.resources.len()).finish_non_exhaustive()
    }
}

impl Setup {
    /// A setup over `db`, of the node `node`, with its secrets' key at `key`.
    ///
    /// # Errors
    /// When the key cannot be read or made.
    pub fn new(db: Db, node: Uuid, key: &Path) -> Result<Self, StartError> {
        let vault = Vault::open(key)?;
        let mut setup = Self {
            kernel: Kernel::new(db, node, vault),
            handlers: Handlers::default(),
            subscribers: Subscribers::default(),
            registry: Registry::default(),
            apis: ApiTable::default(),
            resources: system::RESOURCES.to_vec(),
            flows: Definitions::default(),
            migrations: MIGRATIONS.to_vec(),
            configs: [settings::CONFIGS, timeline::CONFIGS].concat(),
            bindings: Vec::new(),
            tags: Vec::new(),
            quotas: Vec::new(),
            cascade: Joined::default(),
            runners: HashMap::new(),
            authenticator: None,
            broker: None,
            taking: None,
        };
        setup.resources.extend([
            <crate::api::ApiJob as cumulo_schema::Resource>::META,
            <crate::api::LongJobPart as cumulo_schema::Resource>::META,
            <crate::quota::QuotaClaim as cumulo_schema::Resource>::META,
            <crate::membership::NodeLease as cumulo_schema::Resource>::META,
            <crate::membership::RingEpoch as cumulo_schema::Resource>::META,
            <crate::cluster::TurnRow as cumulo_schema::Resource>::META,
            <timeline::TimelineRow as cumulo_schema::Resource>::META,
        ]);
        let kernel = setup.kernel.clone();
        setup.on::<RingMoved>(Arc::new(kernel.cluster().clone()));
        setup.message::<RunFlow>(Arc::new(kernel.flows().clone()));
        setup.message::<TellTrails>(Arc::new(kernel.timeline().clone()));
        let kernel = Arc::new(kernel);
        setup.message::<PayDebt>(kernel.clone()).message::<DecideFlow>(kernel);
        elsewhere::install(&mut setup);
        Ok(setup)
    }

    /// The kernel to be; handlers keep a clone. Nothing on it works before [`Setup::start`].
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Declares resources.
    pub fn resources(&mut self, resources: &[&'static ResourceMeta]) -> &mut Self {
        let known = &mut self.resources;
        for meta in resources {
            if !known.iter().any(|other| other.name == meta.name) {
                known.push(meta);
            }
        }
        self
    }

    /// Adds schema migrations.
    pub fn migrations(&mut self, migrations: &[Migration]) -> &mut Self {
        self.migrations.extend_from_slice(migrations);
        self
    }

    /// Answers API `A`.
    pub fn api<A: Api>(&mut self, handler: Arc<dyn HandleApi<A>>) -> &mut Self {
        self.apis.add::<A>(handler);
        self
    }

    /// Serves a Query API, from its declaration alone.
    ///
    /// # Panics
    /// When it is no Query API: a programming error.
    pub fn query(&mut self, meta: &'static ApiMeta) -> &mut Self {
        assert!(matches!(meta.kind, ApiKind::Query(_)), "{} is no Query API", meta.name);
        self.apis.add_query(meta);
        self
    }

    /// Answers message `M`.
    pub fn message<M: Message>(&mut self, handler: Arc<dyn Handle<M>>) -> &mut Self {
        self.handlers.add::<M>(handler);
        self
    }

    /// Hears event `E`.
    pub fn on<E: Event>(&mut self, listener: Arc<dyn OnEvent<E>>) -> &mut Self {
        self.subscribers.add::<E>(listener);
        self
    }

    /// Adds an observer at the extension point `T`.
    pub fn add<T: ?Sized + Send + Sync + 'static>(&mut self, observer: Arc<T>) -> &mut Self {
        self.registry.add::<T>(observer);
        self
    }

    /// Adds the driver of extension point `T` for the type `kind`.
    pub fn driver<T: ?Sized + Send + Sync + 'static>(&mut self, kind: &str, driver: Arc<T>) -> &mut Self {
        self.registry.add_driver::<T>(kind, driver);
        self
    }

    /// Adds a step of flow `F`.
    pub fn step<F: Flow>(&mut self, step: impl Step<F>) -> &mut Self {
        self.flows.add::<F>(Arc::new(step));
        self
    }

    /// Declares settings.
    pub fn configs(&mut self, configs: &[ConfigDef]) -> &mut Self {
        self.configs.extend_from_slice(configs);
        self
    }

    /// Lets the setting `category`/`name` be said for single resources of `kinds` (VO names), nearest first.
    pub fn bindable(
        &mut self,
        category: &'static str,
        name: &'static str,
        kinds: &'static [&'static str],
    ) -> &mut Self {
        self.bindings.push(Binding { category, name, kinds });
        self
    }

    /// Declares system tags.
    pub fn tags(&mut self, tags: &[TagDef]) -> &mut Self {
        self.tags.extend_from_slice(tags);
        self
    }

    /// Declares quotas. A new account gets what the setting `quota/<name>` says.
    pub fn quotas(&mut self, quotas: &[QuotaDef]) -> &mut Self {
        self.configs.extend(quotas.iter().map(QuotaDef::config));
        self.quotas.extend_from_slice(quotas);
        self
    }

    /// Joins the cascade: `action` is asked when one of `parents` (VO names) is deleted.
    pub fn cascade(
        &mut self,
        resource: &'static ResourceMeta,
        parents: &[&'static str],
        action: Arc<dyn CascadeAction>,
    ) -> &mut Self {
        self.cascade.add(resource, parents, action);
        self
    }

    /// Adds a runner of debts called `name`.
    pub fn gc_runner(&mut self, name: &'static str, runner: Arc<dyn GcRunner>) -> &mut Self {
        self.runners.insert(name, runner);
        self
    }

    /// Sets who knows sessions.
    pub fn authenticator(&mut self, authenticator: Arc<dyn Authenticator>) -> &mut Self {
        self.authenticator = Some(authenticator);
        self
    }

    /// The schema migrations of everything that was installed so far.
    #[must_use]
    pub fn all_migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// Speaks over `broker` to programs outside, and to the other nodes where there may be any.
    pub fn broker(&mut self, broker: impl Into<BrokerAt>) -> &mut Self {
        self.broker = Some(broker.into());
        self
    }

    /// Shares the work with all nodes of the same database, as `taking` says. They need a broker to speak over.
    pub fn share(&mut self, taking: Taking) -> &mut Self {
        self.taking = Some(taking);
        self
    }

    /// Names of the flows that have steps so far: a test checks that each is failed everywhere.
    #[must_use]
    pub fn flow_names(&self) -> Vec<&'static str> {
        self.flows.flow_names()
    }

    /// Migrates the database, opens the bus, resumes what the last life left unfinished.
    ///
    /// # Errors
    /// When the database, the flow configuration `chains`, a stored setting, or the message broker is not usable.
    pub async fn start(mut self, chains: &str) -> Result<Kernel, StartError> {
        self.flows.set_chains(Chains::parse(chains)?)?;
        let kernel = self.kernel;
        kernel.db().migrate(&self.migrations).await?;
        kernel.db().check_schema(&self.resources).await?;
        let calls = self.apis.supported().into_iter().filter(|meta| !matches!(meta.kind, ApiKind::Query(_)));
        self.configs.extend(calls.map(settings::timeout_def));
        kernel.configs().open(self.configs).await?;
        let collector = Collector::new(&kernel, self.runners);
        let schema = Arc::new(Schema::new(&self.resources, &self.apis.supported()));
        kernel.open(crate::Installed {
            registry: Arc::new(self.registry),
            apis: self.apis,
            schema,
            tags: TagDefs::new(self.tags),
            bindings: self.bindings,
            quotas: self.quotas,
            cascade: Cascade::new(kernel.db().clone(), self.cascade, &self.resources),
            collector,
            authenticator: self.authenticator,
        });
        if let Some(taking) = self.taking {
            kernel.cluster().join(kernel.db(), taking).await?;
        }
        kernel.flows().open(self.flows);
        kernel.bus().open(self.handlers, self.subscribers);
        if let Some(broker) = self.broker {
            let members = match kernel.cluster().is_shared() {
                true => kernel.cluster().members(),
                false => Members::alone(kernel.node()),
            };
            Amqp::start(kernel.bus(), broker, members, Timing::default()).await?;
        }
        // Before the beat, which looks for jobs of this node that are not under way.
        let left = kernel.jobs().left().await?;
        kernel.spawn_beat();
        if !kernel.cluster().is_shared() {
            kernel.flows().recover(&left.times()).await?;
        }
        kernel.jobs().resume(&kernel, left);
        kernel.spawn_rounds();
        Ok(kernel)
    }
}
