//! The main loop of an agent program: opens what it needs, serves, and ends well.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ServerConfig};
use tokio::{
    net::TcpListener,
    select,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    AgentConfig, Chain, Commands, HttpCallbacks, Journal, JournalError, ReportSource, Reporter, Runtime, RuntimeParts,
    SampleSource, Sampler, TlsFiles, grpc, serve,
    tls::{self, Identity, TlsError},
};

/// How long commands get to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);
const MAINTAIN_EVERY: Duration = Duration::from_secs(600);

/// One agent, ready to be [`run`].
pub struct Agent<H> {
    /// From its configuration file.
    pub config: AgentConfig,
    /// The version of its program.
    pub version: &'static str,
    /// What commands work on.
    pub host: Arc<H>,
    /// The commands it knows.
    pub commands: Commands<H>,
    /// What it reports unasked.
    pub reports: Arc<dyn ReportSource>,
    /// What it measures; `None` where nobody wants to know.
    pub samples: Option<Arc<dyn SampleSource>>,
}

/// An agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No journal.
    #[error("could not open the task journal")]
    Journal(#[from] JournalError),
    /// No certificates.
    #[error("could not set up TLS")]
    Tls(#[from] TlsError),
    /// The address is taken, or none of this host's.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The folder cannot be made, signals cannot be caught.
    #[error("could not {what}")]
    Os {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Runs an agent until SIGTERM or SIGINT; SIGHUP makes it read its certificates again.
///
/// # Errors
/// When it cannot start. Once it serves it ends without an error.
pub async fn run<H: Send + Sync + 'static>(agent: Agent<H>) -> Result<(), StartError> {
    let Agent { config, version, host, commands, reports, samples } = agent;
    let os = |what: String| move |cause| StartError::Os { what, cause };
    let mut signals = Signals::catch().map_err(os("catch signals".into()))?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.journal_dir)
        .map_err(os(format!("make the folder {}", config.journal_dir.display())))?;
    let certificates = Certificates::load(config.tls.clone())?;
    let remembered = Remembered::in_dir(&config.journal_dir);
    let runtime = Runtime::start(RuntimeParts {
        agent_id: config.agent_id.clone(),
        version,
        host,
        commands,
        journal: Journal::open(&config.journal_dir)?,
        callbacks: Arc::new(HttpCallbacks::new(certificates.client.subscribe())),
        manager: remembered.load(),
    });
    let listener = listen(config.listen).await?;
    let stop = CancellationToken::new();
    let mut services = tokio::task::JoinSet::new();
    if let Some(address) = config.metrics_listen {
        let plain = listen(address).await?;
        let (router, stop) = (grpc::plain_router(&runtime), stop.clone());
        services.spawn(async move {
            let served = axum::serve(plain, router).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                error!(error = %Chain(&error), "metrics are not served any more");
            }
        });
    }
    services.spawn(serve(listener, certificates.server.subscribe(), runtime.router(), stop.clone()));
    services.spawn(Reporter::new(runtime.clone(), reports).run(stop.clone()));
    if let Some(samples) = samples {
        services.spawn(Sampler::new(runtime.clone(), samples).run(stop.clone()));
    }
    services.spawn(remembered.follow(runtime.manager(), stop.clone()));
    info!(agent = config.agent_id, listen = %config.listen, version, "ready");

    let mut maintenance = interval(MAINTAIN_EVERY);
    loop {
        select! {
            told = signals.next() => match told {
                Told::Reload => certificates.reload(),
                Told::End(signal) => {
                    info!(signal, "ends when what runs has ended");
                    break;
                }
            },
            _ = maintenance.tick() => {
                if let Err(error) = runtime.maintain().await {
                    error!(error = %Chain(&error), "could not rewrite the task journal");
                }
            }
        }
    }
    stop.cancel();
    if timeout(DRAIN, runtime.stop()).await.is_err() {
        warn!("some commands did not end in time; they run again after the next start");
    }
    while services.join_next().await.is_some() {}
    Ok(())
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, cause })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

enum Told {
    End(&'static str),
    Reload,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        select! {
            _ = self.terminate.recv() => Told::End("SIGTERM"),
            _ = self.interrupt.recv() => Told::End("SIGINT"),
            _ = self.hang_up.recv() => Told::Reload,
        }
    }
}

/// The TLS of both directions, from files that are replaced when certificates are renewed.
struct Certificates {
    files: TlsFiles,
    server: watch::Sender<Arc<ServerConfig>>,
    client: watch::Sender<Arc<ClientConfig>>,
}

impl Certificates {
    fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let (server, client) = Self::read(&files)?;
        Ok(Self { files, server: watch::Sender::new(server), client: watch::Sender::new(client) })
    }

    fn read(files: &TlsFiles) -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), TlsError> {
        let identity = Identity::load(files)?;
        Ok((tls::agent_server(&identity)?, tls::client(&identity)?))
    }

    fn reload(&self) {
        match Self::read(&self.files) {
            Ok((server, client)) => {
                self.server.send_replace(server);
                self.client.send_replace(client);
                info!("read the certificates again");
            }
            Err(error) => error!(error = %Chain(&error), "the new certificates cannot be used; the old ones stay"),
        }
    }
}

/// Remembers over restarts which manager to report to, so that it hears of what happened meanwhile.
struct Remembered {
    path: PathBuf,
}

impl Remembered {
    fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join("manager") }
    }

    fn load(&self) -> Option<String> {
        fs::read_to_string(&self.path).ok().map(|url| url.trim().to_owned()).filter(|url| !url.is_empty())
    }

    async fn follow(self, mut manager: watch::Receiver<Option<String>>, stop: CancellationToken) {
        while let Some(Ok(())) = stop.run_until_cancelled(manager.changed()).await {
            let Some(url) = manager.borrow_and_update().clone() else { continue };
            if self.load().as_ref() != Some(&url)
                && let Err(error) = self.store(&url)
            {
                warn!(error = %Chain(&error), "could not remember the manager over restarts");
            }
        }
    }

    fn store(&self, url: &str) -> io::Result<()> {
        let part = self.path.with_extension("part");
        fs::write(&part, url)?;
        fs::rename(&part, &self.path)
    }
}
