//! One history, from its seed to what came of it.

use std::{path::Path, sync::Arc, time::Duration};

use cumulo_chaos::{
    Calls, Cloud, Fault, Finding, Found, Ground, HOSTS, NODES, Outcome, Passage, Peer, Trial, agree, choose, inflict,
};
use cumulo_sim_hosts::control::Order;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use crate::{
    api::Operator,
    estate::Estate,
    outside::Outside,
    trace::Trace,
    world::{Orders, Process, World},
};

/// Longest that a node is frozen.
const LONGEST_FREEZE: Duration = Duration::from_secs(20);
/// How long a broker that died is away.
const BROKER_AWAY: Duration = Duration::from_secs(2);

/// What a history came to.
#[derive(Debug)]
pub struct Told {
    /// As of a run with real programs; it took so long by the simulation's clock.
    pub outcome: Outcome,
    /// How much happened.
    pub events: u64,
    /// The digest of it.
    pub digest: String,
    /// Calls, answers and faults, in milliseconds.
    pub history: String,
}

/// Plays the history of `seed`, once a process, after [`crate::pretend::begin`]. What nodes keep beside the database is in
/// `dir`; what happens is also written to `trace`, where that is given.
///
/// # Errors
/// When the system has no room for it.
pub fn play(seed: u64, dir: &Path, trace: Option<&Path>) -> anyhow::Result<Told> {
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::new(random.random())?;
    let outside = Arc::new(Outside::new(world.outside(), random.random(), Trace::to(trace)?));
    let orders = Arc::new(Orders::default());
    let estate = Arc::new(Estate::new(outside.clone(), orders.clone(), dir.to_owned())?);
    let faults = choose(&mut random, LONGEST_FREEZE, true);
    let names = faults.iter().map(|(_, fault)| fault.to_string()).collect();
    let work = {
        let estate = estate.clone();
        async move {
            let since = Instant::now();
            let found = suffer(&estate, random, faults).await;
            (found, since.elapsed())
        }
    };
    let (found, took) = match world.run(&orders, work) {
        Ok((found, took)) => (found, took),
        Err(error) => (Err(error), Duration::ZERO),
    };
    let Found { calls, failed_calls, findings } = found.unwrap_or_else(|error| Found {
        calls: 0,
        failed_calls: 0,
        findings: vec![Finding::lost(format!("the run came to no end: {error:#}"))],
    });
    let outcome = Outcome { seed, faults: names, calls, failed_calls, findings, took };
    let (events, digest) = outside.trace.digest();
    Ok(Told { outcome, events, digest, history: estate.history.text() })
}

/// Builds a cloud of three nodes, and puts it under load while it suffers `faults`.
async fn suffer(estate: &Arc<Estate>, mut random: StdRng, faults: Vec<(Duration, Fault)>) -> anyhow::Result<Found> {
    estate.start_agents().await;
    estate.start(0).await?;
    let mut operator = Operator { doors: estate.doors.clone(), node: 0, session: String::new() };
    operator.session = operator.session_of("admin").await;
    for n in 1..NODES {
        estate.start(n).await?;
    }
    let db = estate.db();
    agree(&db, NODES).await?;
    let cloud = Cloud::build_on(&operator, Ground::Machines(estate.machines.network)).await;
    let second_l3 = cloud.widen(&operator, HOSTS).await;
    let trial = Trial {
        db,
        http: estate.doors.clone(),
        board: estate.board.clone(),
        history: estate.history.clone(),
        session: operator.session_of_tenant().await,
        made: (cloud, second_l3),
    };
    estate.machines.begin_to_lose();
    let inflicted = async {
        inflict(faults, |fault| one(estate.clone(), fault)).await?;
        Ok(estate.doors.count())
    };
    trial.run(Some(&*estate.machines), &mut random, inflicted).await
}

/// Does `fault`, and ends when it is healed.
async fn one(estate: Arc<Estate>, fault: Fault) -> anyhow::Result<()> {
    let note = || {
        estate.history.note(format!("FAULT {fault}"));
        estate.outside.trace.note(format_args!("FAULT {fault}"));
    };
    match fault {
        Fault::Kill { node, away } => {
            let _busy = estate.members[node].busy.lock().await;
            note();
            estate.kill(node).await;
            sleep(away).await;
            estate.start(node).await?;
        }
        Fault::Freeze { node, away } => {
            let _busy = estate.members[node].busy.lock().await;
            note();
            estate.orders.freeze(Process::Node(node), away).await;
            sleep(away).await;
        }
        Fault::Cut { node, peer, passage, away } => {
            note();
            let member = &estate.members[node];
            let way = match peer {
                Peer::Database => &member.database,
                Peer::Broker => &member.broker,
                Peer::Hosts => estate.machines.way(node),
            };
            way.set(passage);
            sleep(away).await;
            way.set(Passage::Open);
        }
        Fault::Database { away } => {
            note();
            estate.database_server.send_replace(Passage::Broken);
            sleep(away).await;
            estate.database_server.send_replace(Passage::Open);
        }
        Fault::Broker { .. } => {
            note();
            estate.broker_server.send_replace(Passage::Broken);
            estate.broker.die();
            sleep(BROKER_AWAY).await;
            estate.broker_server.send_replace(Passage::Open);
        }
        Fault::Join => {
            let _busy = estate.members[NODES].busy.lock().await;
            note();
            estate.start(NODES).await?;
        }
        Fault::Leave { node, away } => {
            let _busy = estate.members[node].busy.lock().await;
            note();
            estate.stop(node).await;
            sleep(away).await;
            estate.start(node).await?;
        }
        Fault::Hosts { away } => {
            note();
            estate.kill_agents_for(away).await;
        }
        Fault::Hang { host, away } => {
            note();
            let machine = estate.machines.host(host);
            estate.machines.weather.order(&Order::Hang { machine });
            sleep(away).await;
            estate.machines.weather.order(&Order::Release { machine });
        }
        Fault::Lost { replies } => {
            note();
            estate.machines.weather.order(&Order::LoseReplies { count: replies });
        }
        Fault::Doubled { replies } => {
            note();
            estate.machines.weather.order(&Order::DoubleReplies { count: replies });
        }
    }
    estate.history.note(format!("HEALED {fault}"));
    Ok(())
}
