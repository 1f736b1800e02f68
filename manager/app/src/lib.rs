//! The management node: configuration, the list of what it consists of, and its life from start to stop.
//!
//! [`install`] is that list, readable in one place; deleting a plugin is deleting its folder and its line here.

pub mod config;
mod database;
#[cfg(feature = "faults")]
mod faults;
mod flows;
mod identity;
mod install;
pub mod migrate;
pub mod status;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use cumulo_gateway::{Deployer, Gateway, GatewayConfig};
use cumulo_kernel::{
    Kernel, Setup, api,
    bus::amqp::{BrokerUrl, carrier::BrokerAt},
    cluster::Taking,
    db::Db,
    metrics,
};
use cumulo_schema::Uuid;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use config::Config;
use identity::Identity;

/// What a node is made from.
#[derive(Debug)]
pub struct Parts {
    /// Its database.
    pub db: Db,
    /// Its id.
    pub node: Uuid,
    /// Where the key of its secrets is, or is put.
    pub key: PathBuf,
    /// The file of its metrics; it keeps none where there is none.
    pub metrics: Option<PathBuf>,
    /// How it takes part among others, if it does.
    pub taking: Option<Taking>,
    /// Its broker, if it has one.
    pub broker: Option<BrokerAt>,
    /// The operator's flow configuration.
    pub flows: Option<PathBuf>,
}

/// Everything of a running node but its sockets.
#[derive(Debug)]
pub struct Core {
    /// The kernel, with all services and plugins.
    pub kernel: Kernel,
    /// The way to agents.
    pub gateway: Gateway,
    /// The password that was made for the admin account at the first start.
    pub generated_password: Option<String>,
}

impl Core {
    /// Starts it; the caller serves [`api::router`].
    ///
    /// # Errors
    /// Anything that keeps it from working, with what to do about it.
    pub async fn start(
        parts: Parts,
        admin_password: Option<&str>,
        gateway: impl FnOnce(&mut Setup) -> anyhow::Result<Gateway>,
    ) -> anyhow::Result<Self> {
        let mut setup = Setup::new(parts.db, parts.node, &parts.key)?;
        if let Some(broker) = parts.broker {
            setup.broker(broker);
        }
        if let Some(taking) = parts.taking {
            setup.share(taking);
        }
        let gateway = gateway(&mut setup)?;
        install::install(&mut setup, &gateway, parts.metrics.as_deref())?;
        #[cfg(feature = "faults")]
        faults::install(setup.kernel())?;
        let kernel = setup.start(&flows::text(parts.flows.as_deref())?).await?;
        let generated_password = cumulo_service_identity::bootstrap_admin(&kernel, admin_password).await?;
        install::start(&kernel).await?;
        api::open_portal(&kernel);
        Ok(Self { kernel, gateway, generated_password })
    }
}

/// A running management node.
#[derive(Debug)]
pub struct Node {
    kernel: Kernel,
    gateway: Gateway,
    api_address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    generated_password: Option<String>,
    server: JoinHandle<()>,
    _identity: Identity,
}

impl Node {
    /// Starts a node that installs agents with Ansible. Returns when it serves.
    ///
    /// # Errors
    /// Anything that keeps it from serving, with what to do about it.
    pub async fn start(config: &Config, admin_password: Option<&str>) -> anyhow::Result<Self> {
        Self::start_with(config, admin_password, |setup| {
            let gateway = GatewayConfig {
                data_dir: config.data_dir.clone(),
                callback_listen: config.callback_listen,
                advertise: config.advertise,
                ansible_dir: config.ansible_dir.clone(),
                kvm_agent_binary: config.agent_dir.join("cumulo-kvm-agent"),
                storage_agent_binary: config.agent_dir.join("cumulo-storage-agent"),
            };
            Ok(Gateway::install(setup, &gateway)?)
        })
        .await
    }

    /// Starts a node whose agents are simulated in this process: `deployer` brings them in, `attach` is told of the gateway
    /// before anything is resumed.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_simulated(
        config: &Config,
        admin_password: Option<&str>,
        deployer: Arc<dyn Deployer>,
        attach: impl FnOnce(&Gateway),
    ) -> anyhow::Result<Self> {
        let gateway = |setup: &mut Setup| {
            let gateway = Gateway::in_process(setup, deployer);
            attach(&gateway);
            Ok(gateway)
        };
        Self::start_with(config, admin_password, gateway).await
    }

    async fn start_with(
        config: &Config,
        admin_password: Option<&str>,
        gateway: impl FnOnce(&mut Setup) -> anyhow::Result<Gateway>,
    ) -> anyhow::Result<Self> {
        let dir = &config.data_dir;
        database::make_room(config)?;
        let identity = identity::take(dir)?;
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!("nothing can listen at {}; choose another address with --listen", config.listen)
        })?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .with_context(|| format!("nothing can listen at {address}; choose another metrics_listen"))?,
            ),
            None => None,
        };
        let db = database::open(config).await?;
        let broker = config.bus.as_ref().map(|url| url.parse::<BrokerUrl>().context("the setting `bus` is not usable"));
        let broker = broker.transpose()?.map(BrokerAt::from);
        let lease = Duration::from_secs(config.node_lease.max(1));
        let taking = config.database.is_some().then(|| Taking { host_name: identity::host_name(), lease });
        let parts = Parts {
            db,
            node: identity.node,
            key: dir.join("key"),
            metrics: Some(dir.join("metrics.db")),
            taking: taking.filter(|_| broker.is_some()),
            broker,
            flows: config.flows.clone(),
        };
        let Core { kernel, gateway, generated_password } = Core::start(parts, admin_password, gateway).await?;
        let api_address = listener.local_addr()?;
        let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
        if let Some(listener) = metrics {
            tokio::spawn(serve(listener, metrics::router(kernel.clone()), kernel.stopping()));
        }
        let server = tokio::spawn(serve(listener, api::router(kernel.clone()), kernel.stopping()));
        Ok(Self { kernel, gateway, api_address, metrics_address, generated_password, server, _identity: identity })
    }

    /// Where the API listens.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        self.api_address
    }

    /// Where `/metrics` is served, if it is.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The password that was made for the admin account at the first start.
    #[must_use]
    pub fn generated_password(&self) -> Option<&str> {
        self.generated_password.as_deref()
    }

    /// The kernel, for tests.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The gateway, for tests.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Stops: requests under way are answered, flows get half a minute, the database is closed.
    pub async fn stop(self) {
        self.kernel.stop().await;
        self.gateway.close();
        if let Err(error) = self.server.await {
            tracing::warn!(%error, "the API server ended badly");
        }
    }
}

async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let app = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, "a server ended");
    }
}
