//! Agents as a manager drives them: over mutual TLS, with an inbox for what they call back.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use cumulo_agent_rt::{
    AgentClient, AgentLink as _,
    sim::{self, Inbox},
    tls,
};
use cumulo_proto::{AgentCommand, kvm, storage};
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use crate::program::Program;

const HOST: &str = "d0000000000000000000000000000001";
const STORAGE: &str = "d0000000000000000000000000000002";
/// Where the agents listen; nobody else is in this network namespace.
const KVM_PORT: u16 = 7070;
const STORAGE_PORT: u16 = 7071;

/// Who issues certificates.
pub(crate) struct Authority(sim::Authority);

impl Authority {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(sim::Authority::new()?))
    }
}

/// An agent and the way to it.
pub(crate) struct Agent {
    pub(crate) program: Program,
    inbox: Arc<Inbox>,
    link: AgentClient,
    _serving: DropGuard,
}

impl Agent {
    /// A KVM host's, connected.
    pub(crate) async fn kvm(authority: &Authority, dir: &Path) -> anyhow::Result<Self> {
        let own = format!(
            "[kvm]\nvirtualization = \"qemu\"\nstate_dir = {:?}\nrun_dir = {:?}\n",
            dir.join("state"),
            dir.join("run")
        );
        let agent = Self::start(authority, dir, ("cumulo-kvm-agent", HOST, KVM_PORT), &own).await?;
        agent.call(kvm::Connect { header: None, host_uuid: HOST.into() }).await?;
        Ok(agent)
    }

    /// A backup storage's, connected.
    pub(crate) async fn storage(authority: &Authority, dir: &Path) -> anyhow::Result<Self> {
        let own = format!("[storage]\nstate_dir = {:?}\n", dir.join("state"));
        let agent = Self::start(authority, dir, ("cumulo-storage-agent", STORAGE, STORAGE_PORT), &own).await?;
        let path = dir.join("bs").to_str().context("a path of text")?.to_owned();
        agent.call(storage::Connect { header: None, agent_id: STORAGE.into(), path }).await?;
        Ok(agent)
    }

    async fn start(
        authority: &Authority,
        dir: &Path,
        (program, id, port): (&str, &str, u16),
        own: &str,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let certificate = authority.0.issue(&tls::agent_name(id))?;
        let file = |name: &str, pem: &str| {
            let path = dir.join(name);
            fs::write(&path, pem).map(|()| path)
        };
        let (ca, cert, key) =
            (file("ca", &certificate.ca)?, file("cert", &certificate.cert)?, file("key", &certificate.key)?);
        let journal = dir.join("journal");
        let config = format!(
            "agent_id = \"{id}\"\nlisten = \"127.0.0.1:{port}\"\njournal_dir = {journal:?}\n\
             [tls]\nca = {ca:?}\ncert = {cert:?}\nkey = {key:?}\n{own}"
        );
        let config = file("config.toml", &config)?;
        let manager = authority.0.issue(tls::MANAGER_NAME)?.identity()?;
        let inbox = Arc::new(Inbox::default());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let serving = inbox.serve(address, tls::callback_server(&manager)?).await?;
        let (_, client) = watch::channel(tls::client(&manager)?);
        let link = AgentClient::new(&format!("127.0.0.1:{port}"), client, id)?;
        let program = Program::start(program, &["--config", config.to_str().context("a path of text")?], dir)?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while link.ping().await.is_err() {
            ensure!(Instant::now() < deadline, "an agent did not start: {}", fs::read_to_string(dir.join("log"))?);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { program, inbox, link, _serving: serving })
    }

    /// Has a command done.
    pub(crate) async fn call<C: AgentCommand>(&self, command: C) -> anyhow::Result<C::Reply> {
        self.inbox.call(&self.link, command).await.with_context(|| format!("{} failed", C::NAME))
    }
}
