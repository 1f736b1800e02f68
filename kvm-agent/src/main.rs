//! `cumulo-kvm-agent`: the agent program of a KVM host.

use std::{
    fs,
    io::{self, IsTerminal as _},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::Parser;
use cumulo_agent_rt::{
    Agent, AgentConfig,
    storage::{QemuImg, Roots},
};
use cumulo_kvm_agent::{
    KvmConfig, KvmHost, commands,
    dhcp::{NamespacedDhcp, Networks},
    domains::Libvirt,
    facts::{MachineFacts, VirtualizationProof},
    images::Sftp,
    network::KernelNetwork,
    packages::PackageTools,
    usage::Meter,
    userdata::MetadataServers,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// The agent of a KVM host.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Its configuration file.
    #[arg(long, default_value = "/etc/cumulo/kvm-agent.toml")]
    config: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,russh=warn"));
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
    let (config, kvm): (AgentConfig, KvmConfig) = AgentConfig::load(&arguments.config, "kvm")?;
    let host = Arc::new(open(&config, &kvm)?);
    let agent = Agent {
        config,
        version: env!("CARGO_PKG_VERSION"),
        host: Arc::clone(&host),
        commands: commands(),
        reports: Arc::clone(&host) as _,
        samples: Some(Arc::new(Meter::new(Arc::clone(&host)))),
    };
    // Beside the rest: a manager that is waiting should not wait for it.
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move { host.keep_serving(stop).await }
    });
    cumulo_agent_rt::run(agent).await?;
    stop.cancel();
    serving.await.context("the guard of the DHCP servers failed")
}

/// The host with its real doors.
fn open(config: &AgentConfig, kvm: &KvmConfig) -> anyhow::Result<KvmHost> {
    let state = &kvm.state_dir;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .with_context(|| format!("could not make the folder {}", state.display()))?;
    let roots = Roots::load(state.join("storages")).context("could not read which storages the host has")?;
    let proof = Arc::new(VirtualizationProof::new(kvm.virtualization, state.clone()));
    Ok(KvmHost {
        uuid: config.agent_id.clone(),
        domains: Arc::new(Libvirt::new(&kvm.libvirt_uri, Arc::clone(&proof))),
        disks: Arc::new(QemuImg),
        roots,
        network: Arc::new(KernelNetwork),
        dhcp: Arc::new(NamespacedDhcp::new(kvm.run_dir.clone())),
        userdata: Arc::new(MetadataServers::default()),
        networks: Networks::load(state.join("networks"))?,
        images: Arc::new(Sftp),
        facts: Arc::new(MachineFacts::new(proof)),
        packages: Arc::new(PackageTools::new(state.clone())),
        changed: Arc::default(),
    })
}
