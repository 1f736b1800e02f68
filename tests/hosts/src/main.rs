//! `cumulo-sim-hosts`: plays hosts and backup storages for tests, and the `ansible-playbook` that deploys agents onto them.

mod gate;
mod machine;
mod machines;
mod playbook;
mod server;

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Simulated hosts and backup storages, each with a real agent on loopback.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays the machines until it is killed.
    Serve(Serve),
    /// What the manager runs to bring an agent onto a machine.
    AnsiblePlaybook(playbook::Arguments),
}

#[derive(Debug, Args)]
struct Serve {
    /// Where the machines are kept, with the control socket and `bin/ansible-playbook`.
    #[arg(long)]
    dir: PathBuf,
    /// How much longer every command takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    work_ms: u64,
    /// Keeps nothing of the machines but in memory: what a thousand of them write would be written by a thousand disks.
    #[arg(long)]
    in_memory: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Commands are logged by the agents; a test that wants them says so.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,cumulo_sim_hosts=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(io::stderr).init();
    let done = match Arguments::parse().command {
        Command::Serve(serve) => server::run(&serve.dir, serve.in_memory, Duration::from_millis(serve.work_ms)).await,
        Command::AnsiblePlaybook(arguments) => return playbook::run(&arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
