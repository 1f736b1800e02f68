//! Three real programs over a real MariaDB and a real RabbitMQ: what one of them had in hand when it was killed, frozen or
//! stopped is finished by the others, and whoever is asked says the same.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use cumulo_chaos::{Cloud, Node, order};
use cumulo_kernel::{
    db::Db,
    flow::{FlowRow, FlowState},
    membership::NodeLease,
    ring::Ring,
};
use cumulo_schema::{Uuid, system::ManagementNode};
use cumulo_testdb::{Server, TestDatabase, Vhost};
use nix::sys::signal::Signal;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;

use crate::PROGRAM;

/// The lease of the nodes here, in seconds.
const LEASE: u64 = 3;
/// Longest that a test waits for the nodes to agree.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three nodes that share one database and one broker.
struct Several {
    nodes: Vec<Node>,
    ids: Vec<Uuid>,
    db: Db,
    // Dropped last.
    _database: TestDatabase,
    _server: Server,
    _vhost: Vhost,
}

impl Several {
    async fn start() -> Self {
        let (server, vhost) = (Server::start(), Vhost::new());
        let database = TestDatabase::on(server.url()).await;
        let url = database.url().expect("it is on a server");
        let config =
            format!("database = '{url}'\ndatabase_connections = 12\nbus = '{}'\nnode_lease = {LEASE}\n", vhost.url());
        let mut nodes: Vec<Node> = (0..3).map(|_| Node::unborn(Path::new(PROGRAM), &config)).collect();
        let ids: Vec<Uuid> = (0..3).map(|_| Uuid::random()).collect();
        for (node, id) in nodes.iter().zip(&ids) {
            std::fs::create_dir(node.data()).expect("made");
            std::fs::write(node.data().join("node"), format!("{id}\n")).expect("written");
        }
        assert!(nodes[0].start("").await, "{}", nodes[0].log());
        nodes[0].log_in().await;
        for n in 1..3 {
            std::fs::copy(nodes[0].data().join("key"), nodes[n].data().join("key")).expect("copied");
            let (first, others) = nodes.split_at_mut(1);
            others[n - 1].use_session_of(&first[0]);
            assert!(nodes[n].start("").await, "{}", nodes[n].log());
        }
        let db = database.open().await;
        let several = Self { nodes, ids, db, _database: database, _server: server, _vhost: vhost };
        several.agree(3).await;
        several
    }

    /// Waits until so many nodes take part and none has to finish anything for another.
    async fn agree(&self, count: usize) {
        let since = Instant::now();
        loop {
            let leases = self.db.select::<NodeLease>().all().await.expect("readable");
            let epoch = leases.iter().map(|lease| lease.adopted).max().unwrap_or_default();
            let settled = leases.iter().all(|lease| (lease.adopted, lease.drained) == (epoch, epoch));
            if settled && leases.len() == count {
                return;
            }
            let logs = || self.nodes.iter().map(Node::log).collect::<Vec<_>>().join("\n---\n");
            assert!(since.elapsed() < PATIENCE, "the nodes do not agree: {leases:?}\n{}", logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A resource that node `n` owns while all three are there.
    fn owned_by(&self, n: usize) -> Uuid {
        let ring = Ring::new(1, &self.ids);
        loop {
            let mut hex = Uuid::random().to_string();
            // A version 4 uuid, as clients choose.
            hex.replace_range(12..13, "4");
            let uuid = hex.parse().expect("a uuid");
            if ring.owner(&uuid) == Some(self.ids[n]) {
                return uuid;
            }
        }
    }
}

fn vm_called(cloud: &Cloud, name: &str, uuid: Uuid) -> Value {
    let mut vm = cloud.vm(name);
    vm["params"]["resourceUuid"] = uuid.to_string().into();
    vm
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_of_a_killed_node_are_decided_by_the_others() {
    let mut several = Several::start().await;
    let cloud = Cloud::build(&several.nodes[0]).await;
    let before = cloud.count(&several.nodes[1]).await;
    let mut slowest = Duration::ZERO;
    // Each place with whether a VM is to be there afterwards.
    let deaths = [
        ("end:record-vm", true),
        ("start:create-root-volume", true),
        ("end:start-on-host", true),
        ("end:mark-running", true),
        ("undo:start-on-host", false),
        ("undo:allocate-nics", false),
    ];
    for (place, lives) in deaths {
        let (job, vm) = (Uuid::random(), several.owned_by(0));
        several.nodes[0].stop().await;
        let kill = order("kill", place, job);
        let orders = if lives { kill } else { format!("{},{kill}", order("fail", "end:mark-running", job)) };
        assert!(several.nodes[0].start(&orders).await, "{}", several.nodes[0].log());
        several.agree(3).await;
        assert!(several.nodes[1].submit(job, "POST", "/vm-instances", &vm_called(&cloud, place, vm)).await);
        several.nodes[0].dies().await;
        let died = Instant::now();
        let [one, other] = [1, 2].map(|n| several.nodes[n].answer(job));
        let (one, other) = tokio::join!(one, other);
        slowest = slowest.max(died.elapsed());
        let answer = one.clone().expect("it was accepted");
        assert_eq!(one, other, "whoever is asked says the same");
        match answer {
            Ok(made) => {
                assert!(lives, "{place}: its last step had failed");
                cloud.assert_usable(&several.nodes[2], &made["inventory"], place).await;
                cloud.expunge(&several.nodes[2], &made["inventory"]).await;
            }
            Err(error) => assert!(!lives, "{place}: {error}\n{}", several.nodes[2].log()),
        }
        assert_eq!(cloud.count(&several.nodes[1]).await, before, "{place}: something is left, or missing");
        several.agree(2).await;
        assert!(several.nodes[0].start("").await, "{}", several.nodes[0].log());
        several.agree(3).await;
    }
    println!("from the kill to the answer: at most {} ms with a lease of {LEASE} s", slowest.as_millis());
}

/// What happens to a node in the middle of its work.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Killed,
    /// Stopped for longer than its lease, and woken.
    Frozen,
    Stopped,
}

/// Sends creates to all nodes, lets `fault` happen to one of them meanwhile, and looks at what became of each.
async fn survive(fault: Fault) {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| rand::rng().random());
    println!("SEED={seed} ({fault:?})");
    let mut random = StdRng::seed_from_u64(seed);
    let mut several = Several::start().await;
    let cloud = Cloud::build(&several.nodes[0]).await;
    let before = cloud.count(&several.nodes[0]).await;
    let victim = random.random_range(0..3);
    let witness = &several.nodes[(victim + 1) % 3];
    let jobs: Vec<Uuid> = (0..18).map(|_| Uuid::random()).collect();
    let strike_at = random.random_range(3..15);
    for (n, job) in jobs.iter().enumerate() {
        if n == strike_at {
            match fault {
                Fault::Killed => several.nodes[victim].signal(Signal::SIGKILL),
                Fault::Frozen => several.nodes[victim].signal(Signal::SIGSTOP),
                Fault::Stopped => several.nodes[victim].signal(Signal::SIGTERM),
            }
        }
        // One that is frozen takes a call and does not answer.
        let node = if n >= strike_at { (victim + 1 + n % 2) % 3 } else { n % 3 };
        several.nodes[node].submit(*job, "POST", "/vm-instances", &cloud.vm(&format!("vm-{n}"))).await;
    }
    let (mut addresses, mut made) = (std::collections::BTreeSet::new(), Vec::new());
    for job in &jobs {
        match witness.answer(*job).await {
            Some(Ok(mut answer)) => {
                let vm = answer["inventory"].take();
                let ip = vm["vmNics"][0]["ip"].as_str().expect("an address").to_owned();
                assert!(addresses.insert(ip), "two VMs have the address of {vm}");
                made.push(vm);
            }
            Some(Err(error)) => panic!("a create failed: {error}\n{}", witness.log()),
            // Its node was gone before it said that it accepted.
            None => {}
        }
    }
    assert!(made.len() + 1 >= jobs.len(), "{} of {} VMs", made.len(), jobs.len());
    if let Fault::Frozen = fault {
        several.agree(2).await;
        several.nodes[victim].signal(Signal::SIGCONT);
    } else {
        several.nodes[victim].buried(matches!(fault, Fault::Stopped)).await;
        several.agree(2).await;
        assert!(several.nodes[victim].start("").await, "{}", several.nodes[victim].log());
    }
    several.agree(3).await;
    // Whoever was away is one of them again: it answers, and works.
    for vm in &made {
        cloud.assert_usable(&several.nodes[victim], vm, "afterwards").await;
        cloud.expunge(&several.nodes[victim], vm).await;
    }
    assert_eq!(cloud.count(&several.nodes[0]).await, before, "something is left, or missing");
    let unfinished = several.db.select::<FlowRow>().all().await.expect("readable");
    let ended = |flow: &FlowRow| [FlowState::Done, FlowState::Failed].contains(&flow.state);
    assert!(unfinished.iter().all(ended), "{unfinished:?}");
    let nodes = several.db.select::<ManagementNode>().count().await.expect("readable");
    assert_eq!(nodes, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_killed_among_others() {
    survive(Fault::Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_frozen_among_others_and_wakes() {
    survive(Fault::Frozen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_hands_over() {
    survive(Fault::Stopped).await;
}
