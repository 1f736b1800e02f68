//! `make simulation`: plays seeds, each in a process of its own, and says what differed.

use std::{
    collections::VecDeque,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use anyhow::Context;
use clap::Parser;
use cumulo_simulation::{play, pretend, world};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};

/// Histories of management nodes, which suffer faults, in a time and an order of their own.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many histories.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The seed of the first, which the others count on from; a random one where absent.
    #[arg(long)]
    seed: Option<u64>,
    /// How many at once; as many as there are processors where absent.
    #[arg(long)]
    jobs: Option<usize>,
    /// Where logs and histories of those that failed are kept.
    #[arg(long, default_value = "target/simulation")]
    keep: PathBuf,
    /// Plays this one in this process, and keeps what happened.
    #[arg(long)]
    play: Option<u64>,
    /// With --play: also writes everything that passed between the parts, a line each, to this file.
    #[arg(long)]
    trace: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.play {
        Some(seed) => play_here(seed, &arguments.keep, arguments.trace.as_deref()),
        None => play_all(&arguments),
    }
}

/// The simulation's clock, and whose turn it is.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        let millis = pretend::now() / 1_000_000;
        match world::turn_of() {
            Some(process) => write!(writer, "{millis:>6} {process}"),
            None => write!(writer, "{millis:>6} outside"),
        }
    }
}

fn play_here(seed: u64, keep: &Path, trace: Option<&Path>) -> anyhow::Result<ExitCode> {
    let dir = keep.join(seed.to_string());
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    // A key of an earlier time would be another.
    match fs::remove_file(dir.join("key")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let log = fs::File::create(dir.join("log"))?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("CUMULO_LOG").unwrap_or_else(|_| "info".into()))
        .with_timer(Clock)
        .with_ansi(false)
        .with_writer(Mutex::new(log))
        .init();
    pretend::begin(seed);
    cumulo_kernel::apart::stay_here();
    // In a thread that has drawn nothing yet: the order of a `HashMap` is its thread's, from its first one on.
    let told = thread::scope(|scope| scope.spawn(|| play(seed, &dir, trace)).join());
    let told = told.map_err(|_| anyhow::anyhow!("it panicked"))??;
    fs::write(dir.join("history"), format!("{}{}\n", told.history, told.outcome))?;
    println!("{}\n  {} events, digest {}", told.outcome, told.events, told.digest);
    std::io::stdout().flush()?;
    Ok(if told.outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn play_all(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // Large seeds are hard to type again.
    let first = arguments.seed.unwrap_or_else(|| rand::random_range(0..1_000_000_000));
    let program = std::env::current_exe()?;
    let waiting = Mutex::new((first..first.saturating_add(arguments.seeds)).collect::<VecDeque<u64>>());
    let failed = Mutex::new(Vec::new());
    let since = Instant::now();
    let play = |seed: u64| -> anyhow::Result<()> {
        let mut command = Command::new(&program);
        command.arg("--play").arg(seed.to_string()).arg("--keep").arg(&arguments.keep).stdin(Stdio::null());
        let output = command.output().context("a history cannot be played")?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        let dir = arguments.keep.join(seed.to_string());
        if output.status.success() {
            fs::remove_dir_all(&dir)?;
        } else {
            println!("  {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
            println!("  its history and log are in {}", dir.display());
            failed.lock().unwrap_or_else(PoisonError::into_inner).push(seed);
        }
        Ok(())
    };
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let at_once = arguments.jobs.or_else(|| thread::available_parallelism().ok().map(Into::into)).unwrap_or(1);
    thread::scope(|scope| {
        let work = || -> anyhow::Result<()> {
            while let Some(seed) = next() {
                play(seed)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..at_once.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("it panicked"))?)
    })?;
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort_unstable();
    if !failed.is_empty() {
        let seeds: Vec<String> = failed.iter().map(u64::to_string).collect();
        println!("failed seeds: {}", seeds.join(" "));
    }
    let hours = since.elapsed().as_secs_f64() / 3600.0;
    let pace = arguments.seeds as f64 / hours.max(f64::MIN_POSITIVE);
    println!("simulation: seeds={} failed={}, {pace:.0} histories/hour", arguments.seeds, failed.len());
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
