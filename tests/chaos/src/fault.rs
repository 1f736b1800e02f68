//! What is done to nodes and servers: chosen by the seed, each fault healed by itself.

use std::{fmt, sync::Arc, time::Duration};

use rand::{Rng, rngs::StdRng};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    cluster::{Cluster, NODES},
    link::Passage,
    servers::Servers,
};

/// Faults of a run.
const FAULTS: usize = 4;
/// Longest pause between the beginnings of two, in milliseconds.
const LONGEST_GAP: u64 = 4000;
/// Longest that a node or server is away for another reason than that it is frozen, in milliseconds.
const LONGEST_ABSENCE: u64 = 6000;

/// What a node's link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Database,
    Broker,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL; started again some time later.
    Kill { node: usize, away: Duration },
    /// SIGSTOP, for longer than its lease.
    Freeze { node: usize, away: Duration },
    /// The network between a node and a server.
    Cut { node: usize, peer: Peer, passage: Passage, away: Duration },
    /// The database server is killed and started again.
    Database { away: Duration },
    /// The broker is stopped or killed and started again.
    Broker { killed: bool },
    /// A node that was not there before.
    Join,
    /// SIGTERM; started again some time later.
    Leave { node: usize, away: Duration },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Kill { node, away } => write!(f, "node {node} killed for {} ms", away.as_millis()),
            Fault::Freeze { node, away } => write!(f, "node {node} frozen for {} ms", away.as_millis()),
            Fault::Cut { node, peer, passage, away } => {
                write!(f, "node {node} to {peer:?} {passage:?} for {} ms", away.as_millis())
            }
            Fault::Database { away } => write!(f, "database killed for {} ms", away.as_millis()),
            Fault::Broker { killed: true } => write!(f, "broker killed"),
            Fault::Broker { killed: false } => write!(f, "broker stopped"),
            Fault::Join => write!(f, "node {NODES} joins"),
            Fault::Leave { node, away } => write!(f, "node {node} leaves for {} ms", away.as_millis()),
        }
    }
}

/// The faults of a run, each with the pause before it. No node is frozen for longer than `longest_freeze`.
pub(crate) fn choose(random: &mut StdRng, longest_freeze: Duration) -> Vec<(Duration, Fault)> {
    let mut faults: Vec<(Duration, Fault)> = Vec::new();
    while faults.len() < FAULTS {
        let gap = Duration::from_millis(random.random_range(200..LONGEST_GAP));
        let fault = one(random, longest_freeze);
        let has = |test: fn(&Fault) -> bool| faults.iter().any(|(_, fault)| test(fault));
        // Once is enough of what takes long, and of what is only possible once.
        let again = match fault {
            Fault::Database { .. } => has(|fault| matches!(fault, Fault::Database { .. })),
            Fault::Broker { .. } => has(|fault| matches!(fault, Fault::Broker { .. })),
            Fault::Freeze { .. } => has(|fault| matches!(fault, Fault::Freeze { .. })),
            Fault::Join => has(|fault| *fault == Fault::Join),
            _ => false,
        };
        if !again {
            faults.push((gap, fault));
        }
    }
    faults
}

fn one(random: &mut StdRng, longest_freeze: Duration) -> Fault {
    let node = random.random_range(0..NODES);
    let away = Duration::from_millis(random.random_range(0..LONGEST_ABSENCE));
    match random.random_range(0..20) {
        0..5 => Fault::Kill { node, away },
        5..8 => {
            let longest = u64::try_from(longest_freeze.as_millis()).unwrap_or(u64::MAX).max(5001);
            Fault::Freeze { node, away: Duration::from_millis(random.random_range(5000..longest)) }
        }
        8..14 => {
            let peer = if random.random() { Peer::Database } else { Peer::Broker };
            let passage = if random.random() { Passage::Broken } else { Passage::Silent };
            // Past the patience of nodes, at times.
            Fault::Cut { node, peer, passage, away: away * 2 }
        }
        14..16 => Fault::Database { away },
        16 => Fault::Broker { killed: random.random() },
        17 => Fault::Join,
        _ => Fault::Leave { node, away },
    }
}

/// Does `faults`, some of them at once, and returns when all are healed.
///
/// # Errors
/// When a node does not come back.
pub(crate) async fn inflict(
    cluster: &Arc<Cluster>,
    servers: &Arc<Servers>,
    faults: Vec<(Duration, Fault)>,
) -> anyhow::Result<()> {
    let mut under_way = JoinSet::new();
    for (gap, fault) in faults {
        sleep(gap).await;
        under_way.spawn(suffer(cluster.clone(), servers.clone(), fault));
    }
    while let Some(healed) = under_way.join_next().await {
        healed??;
    }
    Ok(())
}

async fn suffer(cluster: Arc<Cluster>, servers: Arc<Servers>, fault: Fault) -> anyhow::Result<()> {
    let history = &cluster.history;
    // A node suffers one thing at a time; its links are apart from that.
    let note = || history.note(format!("FAULT {fault}"));
    match fault {
        Fault::Kill { node, away } => {
            let mut member = cluster.members[node].lock().await;
            note();
            member.kill().await;
            sleep(away).await;
            member.start().await?;
        }
        Fault::Freeze { node, away } => {
            let member = cluster.members[node].lock().await;
            note();
            member.freeze(away).await;
        }
        Fault::Cut { node, peer, passage, away } => {
            let member = cluster.members[node].lock().await;
            note();
            let link = match peer {
                Peer::Database => &member.database,
                Peer::Broker => &member.broker,
            };
            link.set(passage);
            sleep(away).await;
            link.set(Passage::Open);
        }
        Fault::Database { away } => {
            note();
            let server = servers.clone();
            tokio::task::spawn_blocking(move || server.database.kill()).await?;
            sleep(away).await;
            tokio::task::spawn_blocking(move || servers.database.start_again()).await?;
        }
        Fault::Broker { killed } => {
            note();
            tokio::task::spawn_blocking(move || servers.broker.restart(killed)).await?;
        }
        Fault::Join => {
            let mut member = cluster.members[NODES].lock().await;
            note();
            member.start().await?;
        }
        Fault::Leave { node, away } => {
            let mut member = cluster.members[node].lock().await;
            note();
            member.stop().await;
            sleep(away).await;
            member.start().await?;
        }
    }
    history.note(format!("HEALED {fault}"));
    Ok(())
}
