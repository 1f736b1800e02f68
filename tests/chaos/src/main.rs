//! `make chaos`: runs seeds one after the other and says what differed.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use cumulo_chaos::{Chaos, Kind, Servers};
use cumulo_sim_hosts::Hosts;
use tokio::signal::unix::{SignalKind, signal};

/// Real management nodes under load, while they, their database and their broker are killed, frozen and cut off.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many runs.
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The seed of the first, which the others count on from; a random one where absent.
    #[arg(long)]
    seed: Option<u64>,
    /// The `cumulo-manager` to run; the one beside this program where absent.
    #[arg(long)]
    manager: Option<PathBuf>,
    /// What the hosts are.
    #[arg(long, value_enum, default_value_t = Are::Process)]
    hosts: Are,
    /// Longest that a node is frozen, in seconds; at least five.
    #[arg(long, default_value_t = 20)]
    longest_freeze: u64,
    /// Where logs of runs that failed are kept.
    #[arg(long, default_value = "target/chaos")]
    keep: PathBuf,
}

/// What hosts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Are {
    /// Machines with real agents, of a process of their own.
    Process,
    /// Rows of the simulator plugin.
    Rows,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { seeds, seed, manager, hosts, longest_freeze, keep } = Arguments::parse();
    let program = match manager {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("cumulo-manager"),
    };
    let program = program
        .canonicalize()
        .with_context(|| format!("there is no manager at {}: build it, or give --manager", program.display()))?;
    let hosts = match hosts {
        Are::Process => Some(Hosts::program()?),
        Are::Rows => None,
    };
    let chaos = Chaos { program, hosts, longest_freeze: Duration::from_secs(longest_freeze), keep };
    // Large seeds are hard to type again.
    let first = seed.unwrap_or_else(|| rand::random_range(0..1_000_000_000));
    let servers = tokio::task::spawn_blocking(Servers::start).await?;
    let servers = Arc::new(servers);
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (mut failed, mut counts) = (Vec::new(), [0; 3]);
    for seed in first..first.saturating_add(seeds) {
        // Leaving in order takes the servers along, which would live on otherwise.
        let outcome = tokio::select! {
            outcome = chaos.run(&servers, seed) => outcome,
            _ = term.recv() => bail!("stopped in seed {seed}"),
            _ = int.recv() => bail!("stopped in seed {seed}"),
        };
        println!("{outcome}");
        for (count, kind) in counts.iter_mut().zip([Kind::Lost, Kind::Doubled, Kind::Leaked]) {
            *count += outcome.count(kind);
        }
        if !outcome.findings.is_empty() {
            println!("  logs are in {}", chaos.dir(seed).display());
            failed.push(seed);
        }
    }
    if !failed.is_empty() {
        let failed: Vec<String> = failed.iter().map(u64::to_string).collect();
        println!("failed seeds: {}", failed.join(" "));
    }
    let [lost, doubled, leaked] = counts;
    println!("chaos: seeds={seeds} failed={} lost={lost} doubled={doubled} leaked={leaked}", failed.len());
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
