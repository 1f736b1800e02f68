//! One run, from a seed to its outcome.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    Finding, Found, Outcome, Servers, Trial,
    cluster::Cluster,
    fault::{self, Fault},
    history::History,
    machines::Look,
};

/// Longest wait for a connection to a node.
const CONNECT: Duration = Duration::from_secs(2);

/// What runs have in common.
#[derive(Debug, Clone)]
pub struct Chaos {
    /// The `cumulo-manager` to run.
    pub program: PathBuf,
    /// The `cumulo-sim-hosts` that plays the hosts; they are rows of the simulator plugin where absent.
    pub hosts: Option<PathBuf>,
    /// Longest that a node is frozen; at least five seconds.
    pub longest_freeze: Duration,
    /// Where logs of runs that failed are kept, a folder each, named for the seed.
    pub keep: PathBuf,
}

impl Chaos {
    /// Runs `seed`. Whatever goes wrong is part of the outcome.
    pub async fn run(&self, servers: &Arc<Servers>, seed: u64) -> Outcome {
        let (since, history) = (Instant::now(), Arc::new(History::new()));
        let mut random = StdRng::seed_from_u64(seed);
        let faults = fault::choose(&mut random, self.longest_freeze, self.hosts.is_some());
        let names = faults.iter().map(|(_, fault)| fault.to_string()).collect();
        let mut outcome =
            Outcome { seed, faults: names, calls: 0, failed_calls: 0, findings: vec![], took: Duration::ZERO };
        let (chaos, servers, noted) = (self.clone(), servers.clone(), history.clone());
        // In a task of its own: what panics fails this run only.
        let run = tokio::spawn(async move { chaos.attempt(&servers, seed, (random, faults), &noted).await });
        match run.await.map_err(anyhow::Error::from).flatten() {
            Ok(Found { calls, failed_calls, findings }) => {
                outcome = Outcome { calls, failed_calls, findings, ..outcome };
            }
            Err(error) => outcome.findings.push(Finding::lost(format!("the run came to no end: {error:#}"))),
        }
        outcome.took = since.elapsed();
        if !outcome.findings.is_empty() {
            history.note(&outcome);
            let dir = self.dir(seed);
            let kept = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(dir.join("history"), history.text()));
            if let Err(error) = kept {
                eprintln!("the history of seed {seed} could not be kept in {}: {error}", dir.display());
            }
        }
        outcome
    }

    /// Where what happened in the run of `seed` is kept if it fails.
    #[must_use]
    pub fn dir(&self, seed: u64) -> PathBuf {
        self.keep.join(seed.to_string())
    }

    async fn attempt(
        &self,
        servers: &Arc<Servers>,
        seed: u64,
        chosen: (StdRng, Vec<(Duration, Fault)>),
        history: &Arc<History>,
    ) -> anyhow::Result<Found> {
        let dir = self.dir(seed);
        let cluster = Cluster::start(servers, &self.program, self.hosts.as_deref(), history.clone(), &dir).await?;
        let cluster = Arc::new(cluster);
        // Also what panics leaves logs.
        let found = tokio::spawn(suffered(cluster.clone(), servers.clone(), chosen)).await;
        let found = found.map_err(anyhow::Error::from).flatten();
        if !matches!(&found, Ok(found) if found.findings.is_empty()) {
            std::fs::create_dir_all(&dir)?;
            cluster.keep_logs(&dir).await?;
        }
        found
    }
}

/// Puts `cluster` under load while it suffers the faults, and looks at what is left.
async fn suffered(
    cluster: Arc<Cluster>,
    servers: Arc<Servers>,
    (mut random, faults): (StdRng, Vec<(Duration, Fault)>),
) -> anyhow::Result<Found> {
    let trial = Trial {
        db: cluster.db.clone(),
        http: Arc::new(reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).build()?),
        board: cluster.board.clone(),
        history: cluster.history.clone(),
        session: cluster.session.clone(),
        made: cluster.made.lock().await.take().context("a cluster is put under load once")?,
    };
    let inflicted = async {
        fault::inflict(faults, |fault| fault::suffer(cluster.clone(), servers.clone(), fault)).await?;
        Ok(cluster.count().await)
    };
    let machines = cluster.machines.as_ref().map(|machines| machines as &dyn Look);
    trial.run(machines, &mut random, inflicted).await
}
