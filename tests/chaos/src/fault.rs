//! What is done to nodes and servers: chosen by the seed, each fault healed by itself.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::Context;
use cumulo_sim_hosts::control::{self, Order};
use rand::{Rng, rngs::StdRng};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    cluster::{Cluster, HOSTS, NODES},
    link::{Link, Passage},
    machines::Machines,
    servers::Servers,
};

/// Faults of a run.
const FAULTS: usize = 4;
/// Longest pause between the beginnings of two, in milliseconds.
const LONGEST_GAP: u64 = 4000;
/// Longest that a node or server is away for another reason than that it is frozen, in milliseconds.
const LONGEST_ABSENCE: u64 = 6000;

/// Outcomes of agents that are lost or doubled at once.
const MOST_REPLIES: u64 = 20;

/// What a node's link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The database server.
    Database,
    /// The message broker.
    Broker,
    /// All of them at once.
    Hosts,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL; started again some time later.
    Kill {
        /// Which one.
        node: usize,
        /// For so long.
        away: Duration,
    },
    /// SIGSTOP, for longer than its lease.
    Freeze {
        /// Which one.
        node: usize,
        /// For so long.
        away: Duration,
    },
    /// The network between a node and a server.
    Cut {
        /// Which one.
        node: usize,
        /// Which one.
        peer: Peer,
        /// How.
        passage: Passage,
        /// For so long.
        away: Duration,
    },
    /// The database server is killed and started again.
    Database {
        /// For so long.
        away: Duration,
    },
    /// The broker is stopped or killed and started again.
    Broker {
        /// By SIGKILL.
        killed: bool,
    },
    /// A node that was not there before.
    Join,
    /// SIGTERM; started again some time later.
    Leave {
        /// Which one.
        node: usize,
        /// For so long.
        away: Duration,
    },
    /// The process that plays the hosts is killed and started again: all agents die, and nothing of what they work on.
    Hosts {
        /// For so long.
        away: Duration,
    },
    /// A host hangs.
    Hang {
        /// Which one.
        host: u8,
        /// For so long.
        away: Duration,
    },
    /// The next outcomes that agents tell are lost for good.
    Lost {
        /// So many.
        replies: u64,
    },
    /// The next outcomes are told twice.
    Doubled {
        /// So many.
        replies: u64,
    },
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
            Fault::Hosts { away } => write!(f, "hosts killed for {} ms", away.as_millis()),
            Fault::Hang { host, away } => write!(f, "host {host} hangs for {} ms", away.as_millis()),
            Fault::Lost { replies } => write!(f, "{replies} replies lost"),
            Fault::Doubled { replies } => write!(f, "{replies} replies doubled"),
        }
    }
}

/// The faults of a run, each with the pause before it. No node is frozen for longer than `longest_freeze`; hosts suffer some
/// where they are `machines`.
pub fn choose(random: &mut StdRng, longest_freeze: Duration, machines: bool) -> Vec<(Duration, Fault)> {
    let mut faults: Vec<(Duration, Fault)> = Vec::new();
    while faults.len() < FAULTS {
        let gap = Duration::from_millis(random.random_range(200..LONGEST_GAP));
        let fault = if machines && random.random_ratio(2, 5) { of_hosts(random) } else { one(random, longest_freeze) };
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

/// One of machines, and of the network to them.
fn of_hosts(random: &mut StdRng) -> Fault {
    let away = Duration::from_millis(random.random_range(0..LONGEST_ABSENCE));
    match random.random_range(0..10) {
        0..3 => Fault::Hosts { away },
        3..6 => {
            let passage = if random.random() { Passage::Broken } else { Passage::Silent };
            Fault::Cut { node: random.random_range(0..NODES), peer: Peer::Hosts, passage, away: away * 2 }
        }
        6 => Fault::Hang { host: random.random_range(0..HOSTS), away: away * 2 },
        7..9 => Fault::Lost { replies: random.random_range(1..=MOST_REPLIES) },
        _ => Fault::Doubled { replies: random.random_range(1..=MOST_REPLIES) },
    }
}

/// Does `faults`, some of them at once, and returns when all are healed that can be: the servers are of other runs too.
///
/// # Errors
/// When a node does not come back.
pub async fn inflict<F>(faults: Vec<(Duration, Fault)>, suffer: impl Fn(Fault) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    for (gap, fault) in faults {
        sleep(gap).await;
        under_way.spawn(suffer(fault));
    }
    let mut outcome = Ok(());
    while let Some(healed) = under_way.join_next().await {
        outcome = outcome.and(healed.map_err(anyhow::Error::from).flatten());
    }
    outcome
}

/// Does `fault` to the cluster, and ends when it is healed.
pub(crate) async fn suffer(cluster: Arc<Cluster>, servers: Arc<Servers>, fault: Fault) -> anyhow::Result<()> {
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
            note();
            let links = &cluster.links[node];
            let link = match peer {
                Peer::Database => Some(links.database.as_ref()),
                Peer::Broker => Some(links.broker.as_ref()),
                Peer::Hosts => None,
            };
            set(&cluster, link, node, passage).await?;
            sleep(away).await;
            set(&cluster, link, node, Passage::Open).await?;
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
        Fault::Hosts { away } => {
            note();
            machines(&cluster)?.kill_for(away).await?;
        }
        Fault::Hang { host, away } => {
            note();
            let machine = machines(&cluster)?.host(host);
            machines(&cluster)?.order(Order::Hang { machine }).await?;
            sleep(away).await;
            machines(&cluster)?.order(Order::Release { machine }).await?;
        }
        Fault::Lost { replies } => {
            note();
            machines(&cluster)?.order(Order::LoseReplies { count: replies }).await?;
        }
        Fault::Doubled { replies } => {
            note();
            machines(&cluster)?.order(Order::DoubleReplies { count: replies }).await?;
        }
    }
    history.note(format!("HEALED {fault}"));
    Ok(())
}

/// Makes the network between a node and a server, or all hosts, be as `passage` says.
async fn set(cluster: &Cluster, link: Option<&Link>, node: usize, passage: Passage) -> anyhow::Result<()> {
    if let Some(link) = link {
        link.set(passage);
        return Ok(());
    }
    let passage = match passage {
        Passage::Open => control::Passage::Open,
        Passage::Broken => control::Passage::Broken,
        Passage::Silent => control::Passage::Silent,
    };
    let manager = machines(cluster)?.manager(node);
    machines(cluster)?.order(Order::Cut { manager, passage }).await
}

fn machines(cluster: &Cluster) -> anyhow::Result<&Machines> {
    cluster.machines.as_ref().context("the hosts are rows")
}
