//! A cloud under the load of clients, and what must hold of it afterwards: what is the same whatever nodes are made of.

use std::{sync::Arc, time::Duration};

use cumulo_kernel::db::Db;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    Cloud, Finding,
    caller::{Board, Caller},
    check,
    cluster::agree,
    history::History,
    http::Http,
    load::{Client, Made},
    machines::Look,
    quiet,
    world::World,
};

/// Clients at once.
const CLIENTS: usize = 8;
/// Load goes on for so long at least.
const LOAD: Duration = Duration::from_secs(8);

/// What is put to the test.
#[derive(Debug)]
pub struct Trial {
    /// A way to the database that no fault cuts.
    pub db: Db,
    /// How clients reach nodes.
    pub http: Arc<dyn Http>,
    /// Which nodes there are.
    pub board: Arc<Board>,
    /// Where it is noted what happens.
    pub history: Arc<History>,
    /// The clients' session.
    pub session: String,
    /// What VMs are made of, and the network that NICs come to and go from.
    pub made: (Cloud, String),
}

/// What it came to.
#[derive(Debug)]
pub struct Found {
    /// Calls that were followed to their answers.
    pub calls: usize,
    /// Those that the nodes refused, or that failed.
    pub failed_calls: usize,
    /// What differs.
    pub findings: Vec<Finding>,
}

impl Trial {
    /// Puts the cloud under load, of what `random` says, while `faults` go on; these end when all is healed and answer how many
    /// nodes are up. Then it is looked at what is left: on `machines`, or in the tables of the simulator plugin where there are none.
    ///
    /// # Errors
    /// When the faults could not be healed, the nodes do not come together again, or the database cannot be read.
    pub async fn run(
        self,
        machines: Option<&dyn Look>,
        random: &mut StdRng,
        faults: impl Future<Output = anyhow::Result<usize>>,
    ) -> anyhow::Result<Found> {
        let Self { db, http, board, history, session, made: (cloud, second_l3) } = self;
        let made = Arc::new(Made { cloud, second_l3 });
        let before = World::read(&db, machines).await?;
        let (stop, mut at_work) = (CancellationToken::new(), JoinSet::new());
        // Should this end early, so do they.
        let stopping = stop.clone().drop_guard();
        for n in 0..CLIENTS {
            let own = StdRng::seed_from_u64(random.random());
            let caller = Caller::new(http.clone(), &session, board.clone(), history.clone(), own);
            let client = Client::new(format!("c{n}"), caller, made.clone(), random.random());
            at_work.spawn(client.work(stop.clone()));
        }
        let (up, ()) = tokio::join!(faults, sleep(LOAD));
        let up = up?;
        drop(stopping);
        let mut clients = at_work.join_all().await;
        agree(&db, up).await?;
        let mut findings = quiet::settle(&db).await?;
        let now = World::read(&db, machines).await?;
        for client in &mut clients {
            client.compare().await;
            findings.append(&mut client.findings);
        }
        let known: Vec<_> = clients.iter().flat_map(|client| &client.vms).collect();
        findings.append(&mut check::all(&before, &now, &known));
        let calls = clients.iter().map(|client| client.calls).sum();
        let failed_calls = clients.iter().map(|client| client.failed).sum();
        if calls < failed_calls + CLIENTS {
            findings.push(Finding::lost(format!("{failed_calls} of {calls} calls failed, so the rest shows nothing")));
        }
        Ok(Found { calls, failed_calls, findings })
    }
}
