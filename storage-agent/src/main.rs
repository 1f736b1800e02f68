//! `cumulo-storage-agent`: the agent program of a backup storage host.

use std::{
    fs,
    io::{self, IsTerminal as _},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use clap::Parser;
use cumulo_agent_rt::{
    Agent, AgentConfig,
    storage::{QemuImg, Roots},
};
use cumulo_storage_agent::{StorageConfig, StorageHost, commands, origin::Urls};
use sha2::{Digest as _, Sha256};
use tracing_subscriber::EnvFilter;

/// The agent of a backup storage host.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Its configuration file.
    #[arg(long, default_value = "/etc/cumulo/storage-agent.toml")]
    config: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (config, storage): (AgentConfig, StorageConfig) = AgentConfig::load(&arguments.config, "storage")?;
    let host = Arc::new(open(&config, storage)?);
    let reports = Arc::clone(&host) as _;
    let agent =
        Agent { config, version: env!("CARGO_PKG_VERSION"), host, commands: commands(), reports, samples: None };
    cumulo_agent_rt::run(agent).await?;
    Ok(())
}

/// The host with its real doors.
fn open(config: &AgentConfig, storage: StorageConfig) -> anyhow::Result<StorageHost> {
    let state = &storage.state_dir;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .with_context(|| format!("could not make the folder {}", state.display()))?;
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").context("could not tell the host's name")?;
    Ok(StorageHost {
        agent_id: config.agent_id.clone(),
        hostname: hostname.trim().to_owned(),
        ssh_host_keys: ssh_host_keys(),
        disks: Arc::new(QemuImg),
        roots: Roots::load(state.join("storages")).context("could not read which storages the host has")?,
        origin: Arc::new(Urls::new(storage.file_url_dirs).context("could not set up downloads")?),
        changed: Arc::default(),
    })
}

/// Fingerprints of the host's SSH keys as ssh-keygen prints them; none where there is no SSH server.
fn ssh_host_keys() -> Vec<String> {
    ["ed25519", "ecdsa", "rsa"]
        .iter()
        .filter_map(|kind| {
            let line = fs::read_to_string(format!("/etc/ssh/ssh_host_{kind}_key.pub")).ok()?;
            let key = BASE64_STANDARD.decode(line.split_whitespace().nth(1)?).ok()?;
            Some(format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Sha256::digest(key))))
        })
        .collect()
}
