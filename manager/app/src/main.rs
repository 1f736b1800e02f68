//! `cumulo-manager`: the management node.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use cumulo_manager::{
    Node,
    config::{Flags, Loaded},
    migrate, status,
};
use tokio::signal::unix::{SignalKind, signal};

/// A call allocates from several threads and frees in others, which costs a quarter of its time with that of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The Cumulo management node.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; /etc/cumulo/cumulo.toml where it exists.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    /// The password of the admin account. At the first start one is made and printed unless it is given.
    #[arg(long, env = "CUMULO_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows every setting and where it comes from.
    Config,
    /// Shows which nodes share the work, and what is unfinished.
    Status,
    /// Brings the database to what this version needs, as a start does. An embedded one is copied to backup/ first.
    Migrate {
        /// Shows what would be done, and does nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cumulo-manager: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let loaded = Loaded::read(arguments.config.as_deref(), &arguments.flags)?;
    if let Some(Command::Config) = arguments.command {
        for line in loaded.lines() {
            println!("{line}");
        }
        return Ok(());
    }
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CUMULO_LOG").unwrap_or_else(|_| "info,sqlx=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    match arguments.command {
        Some(Command::Migrate { dry_run: true }) => runtime.block_on(show_migrations(&loaded)),
        Some(Command::Migrate { dry_run: false }) => runtime.block_on(migrate(&loaded)),
        Some(Command::Status) => runtime.block_on(show_status(&loaded)),
        Some(Command::Config) | None => runtime.block_on(run(loaded, arguments.admin_password)),
    }
}

async fn show_migrations(loaded: &Loaded) -> anyhow::Result<()> {
    let plan = migrate::plan(&loaded.config).await?;
    for pending in &plan.pending {
        let needs = if pending.contracts { ", beside which no older version can run" } else { "" };
        println!("-- {}{needs}", pending.name);
        for statement in &pending.statements {
            println!("{statement};");
        }
    }
    println!("-- {} migrations would be applied", plan.pending.len());
    Ok(())
}

async fn show_status(loaded: &Loaded) -> anyhow::Result<()> {
    for line in status::lines(&loaded.config).await? {
        println!("{line}");
    }
    Ok(())
}

async fn migrate(loaded: &Loaded) -> anyhow::Result<()> {
    let applied = migrate::run(&loaded.config).await?;
    for name in &applied {
        println!("applied {name}");
    }
    println!("the database is up to date, {} migrations were applied", applied.len());
    Ok(())
}

async fn run(loaded: Loaded, admin_password: Option<String>) -> anyhow::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let started = std::time::Instant::now();
    let node = Node::start(&loaded.config, admin_password.as_deref()).await?;
    if let Some(password) = node.generated_password() {
        println!("The admin account's password is {password}. It is not shown again.");
    }
    let plain = if node.api_address().ip().is_loopback() { "" } else { ", in plain HTTP on a public address" };
    println!("ready at http://{}/zstack/v1 after {} ms{plain}", node.api_address(), started.elapsed().as_millis());
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!("stopping");
    node.stop().await;
    Ok(())
}
