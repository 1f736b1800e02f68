//! Several kernels over one MariaDB and one RabbitMQ: flows run where their resource belongs, and go on elsewhere when that
//! is no longer so.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{CHAINS, PutUp, Shelf, Wall, eventually, setup_of};
use cumulo_kernel::{
    Kernel,
    api::{ApiJob, JobState},
    bus::amqp::BrokerUrl,
    cluster::{Taking, TurnRow},
    db::{Db, DbError},
    flow::{Decision, FlowRow, FlowState, Phase},
    membership::{Membership, NodeLease, status},
    ring::Ring,
};
use cumulo_schema::{ErrorCode, Json, Timestamp, Uuid};
use cumulo_testdb::{Server, TestDatabase, Vhost};
use sqlx::{Connection, MySqlConnection};
use tokio::task::JoinHandle;

/// Longer than a test is held up, shorter than it waits.
const LEASE: Duration = Duration::from_secs(3);

/// What the nodes share.
struct Shared {
    wall: Arc<Wall>,
    db: Db,
    vhost: Vhost,
    // Dropped last.
    database: TestDatabase,
    _server: Server,
}

impl Shared {
    async fn new() -> Self {
        let vhost = Vhost::new();
        let server = Server::start();
        let database = TestDatabase::on(server.url()).await;
        let db = database.open().await;
        Self { wall: Arc::default(), db, vhost, database, _server: server }
    }

    async fn node(&self, node: Uuid) -> Kernel {
        let mut setup = setup_of(node, &self.database, &self.wall).await;
        setup.broker(self.vhost.url().parse::<BrokerUrl>().expect("a URL"));
        setup.share(Taking { host_name: "here".to_owned(), lease: LEASE });
        setup.start(CHAINS).await.expect("starts")
    }

    /// Waits until `count` nodes take part and have finished with what others took over.
    async fn settled(&self, count: usize) {
        let settled = async || {
            let leases = self.db.select::<NodeLease>().all().await.expect("readable");
            let epoch = leases.iter().map(|lease| lease.adopted).max().unwrap_or_default();
            leases.len() == count && leases.iter().all(|lease| (lease.adopted, lease.drained) == (epoch, epoch))
        };
        eventually("that the nodes agree", settled).await;
    }

    async fn flow(&self, id: Uuid) -> Option<FlowRow> {
        self.db.find(FlowRow::UUID, &id).await.expect("readable")
    }

    /// Waits until the flow `id` is held up on `node`.
    async fn held_up(&self, id: Uuid, node: Uuid) {
        let held = async || {
            let is_drilled = !self.wall.is_whole();
            is_drilled && self.flow(id).await.is_some_and(|flow| flow.node_uuid == node)
        };
        eventually("that the flow is held up", held).await;
    }
}

/// A shelf that `owner` owns among `nodes`.
fn shelf_of(owner: Uuid, nodes: &[Uuid]) -> PutUp {
    let ring = Ring::new(1, nodes);
    let shelf = std::iter::repeat_with(Uuid::random).find(|shelf| ring.owner(shelf) == Some(owner)).expect("endless");
    PutUp { shelf, name: "s".into(), height: 200, owner: Uuid::ADMIN, nails: None }
}

fn run(kernel: &Kernel, id: Uuid, context: PutUp) -> JoinHandle<Result<PutUp, ErrorCode>> {
    let kernel = kernel.clone();
    tokio::spawn(async move { kernel.flows().run("put-up", id, context).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_runs_where_its_resource_belongs_and_is_answered_where_it_was_asked_for() {
    let shared = Shared::new().await;
    let nodes = [Uuid::random(), Uuid::random()];
    let (one, other) = (shared.node(nodes[0]).await, shared.node(nodes[1]).await);
    shared.settled(2).await;
    for owner in nodes {
        let (id, context) = (Uuid::random(), shelf_of(owner, &nodes));
        let (asked, twice) = (run(&one, id, context.clone()), run(&other, id, context));
        let (asked, twice) = (asked.await.expect("no panic"), twice.await.expect("no panic"));
        assert_eq!((asked.expect("runs").nails, twice.expect("joins").nails), (Some(4), Some(4)));
        let flow = shared.flow(id).await.expect("journalled");
        assert_eq!((flow.node_uuid, flow.state), (owner, FlowState::Done));
    }
    assert_eq!(shared.db.select::<Shelf>().count().await.expect("readable"), 2);
    assert_eq!(*shared.wall.done.lock().expect("not poisoned"), ["drill", "drill"], "each was done once");
    let found = status(&shared.db).await.expect("readable");
    assert_eq!((found.nodes.len(), found.nobodys, found.parked.len()), (2, (0, 0), 0));
    tokio::join!(one.stop(), other.stop());
    assert!(status(&shared.db).await.expect("readable").nodes.is_empty(), "both left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_leaves_hands_its_flows_over() {
    let shared = Shared::new().await;
    let nodes = [Uuid::random(), Uuid::random()];
    let (stays, leaves) = (shared.node(nodes[0]).await, shared.node(nodes[1]).await);
    shared.settled(2).await;
    let hold = shared.wall.hold();
    let (id, context) = (Uuid::random(), shelf_of(nodes[1], &nodes));
    let asked = run(&stays, id, context);
    shared.held_up(id, nodes[1]).await;
    let leaving = tokio::spawn({
        let leaves = leaves.clone();
        async move { leaves.stop().await }
    });
    // It starts nothing more; the step that has started ends.
    eventually("that it leaves", async || leaves.cluster().is_fenced()).await;
    drop(hold);
    leaving.await.expect("no panic");
    asked.await.expect("no panic").expect("goes on");
    let flow = shared.flow(id).await.expect("journalled");
    assert_eq!((flow.node_uuid, flow.state), (nodes[0], FlowState::Done));
    assert_eq!(shared.db.select::<Shelf>().count().await.expect("readable"), 1);
    assert_eq!(*shared.wall.done.lock().expect("not poisoned"), ["drill"], "what was done is not done again");
    stays.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_takes_over_what_is_its_own() {
    let shared = Shared::new().await;
    let nodes = [Uuid::random(), Uuid::random()];
    let first = shared.node(nodes[0]).await;
    shared.settled(1).await;
    let hold = shared.wall.hold();
    let (id, context) = (Uuid::random(), shelf_of(nodes[1], &nodes));
    let asked = run(&first, id, context.clone());
    shared.held_up(id, nodes[0]).await;
    let second = shared.node(nodes[1]).await;
    eventually("that the first node knows", async || first.cluster().members().view().ring.nodes().len() == 2).await;
    assert!(!second.cluster().owns(&context.shelf), "the first is not through with it");
    drop(hold);
    asked.await.expect("no panic").expect("goes on");
    let flow = shared.flow(id).await.expect("journalled");
    assert_eq!((flow.node_uuid, flow.state), (nodes[1], FlowState::Done));
    assert_eq!(*shared.wall.done.lock().expect("not poisoned"), ["drill"], "what was done is not done again");
    shared.settled(2).await;
    tokio::join!(first.stop(), second.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_that_nobody_knows_is_parked_and_blocks_no_other() {
    let shared = Shared::new().await;
    let nodes = [Uuid::random(), Uuid::random()];
    let (kernel, other) = (shared.node(nodes[0]).await, shared.node(nodes[1]).await);
    shared.settled(2).await;
    let context = shelf_of(nodes[0], &nodes);
    let (unknown, known) = (Uuid::random(), Uuid::random());
    let row = |uuid, flow: &str| FlowRow {
        uuid,
        flow: flow.to_owned(),
        chain: "put-up".to_owned(),
        version: 1,
        resource_uuid: context.shelf,
        job_uuid: None,
        // One that is gone.
        node_uuid: Uuid::random(),
        state: FlowState::Active,
        phase: Phase::Running,
        step: "drill".to_owned(),
        context: Json(serde_json::to_value(&context).expect("JSON")),
        error: None,
        steps: None,
        foretold: None,
        skipped: None,
        decided_by: None,
        trace_uuid: None,
        deadline: None,
        create_date: Timestamp::now(),
        last_op_date: Timestamp::now(),
    };
    let mut batch = shared.db.batch();
    batch.insert(&row(unknown, "from-the-future")).insert(&row(known, "put-up"));
    shared.db.commit(batch).await.expect("written");
    let state = async |id| shared.flow(id).await.expect("journalled").state;
    eventually("that the one is parked", async || state(unknown).await == FlowState::Parked).await;
    eventually("that the other has ended", async || state(known).await == FlowState::Done).await;
    let parked = status(&shared.db).await.expect("readable").parked;
    assert_eq!(parked.iter().map(|flow| flow.uuid).collect::<Vec<_>>(), [unknown]);
    // Whichever node is asked: that of the resource decides.
    let refused = other.decide_flow(unknown, Decision::Retry, Uuid::random()).await.expect_err("nobody knows it");
    assert!(refused.details.contains("stays parked"), "{refused}");
    other.decide_flow(unknown, Decision::Abandon, Uuid::random()).await.expect("abandoned");
    let flow = shared.flow(unknown).await.expect("journalled");
    assert_eq!((flow.state, flow.node_uuid), (FlowState::Failed, nodes[0]));
    tokio::join!(kernel.stop(), other.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_paused_within_a_transaction_takes_no_other_with_it() {
    let shared = Shared::new().await;
    let nodes = [Uuid::random(), Uuid::random()];
    let (lives, paused) = (shared.node(nodes[0]).await, shared.node(nodes[1]).await);
    shared.settled(2).await;
    // As the open transaction of a process that is stopped: the lease can neither be renewed nor taken away.
    let url = shared.database.url().expect("on a server");
    let mut connection = MySqlConnection::connect(&url).await.expect("connects");
    let mut transaction = connection.begin().await.expect("begins");
    let lock = sqlx::query("SELECT * FROM node_lease WHERE node_uuid = ? FOR UPDATE").bind(nodes[1].to_string());
    lock.fetch_one(&mut *transaction).await.expect("it is there");
    eventually("that the one steps down", async || paused.cluster().is_fenced()).await;
    let until = Instant::now() + 2 * LEASE;
    eventually("that two leases are over", async || {
        assert!(!lives.cluster().is_fenced(), "the other goes on");
        Instant::now() > until
    })
    .await;
    transaction.rollback().await.expect("ends");
    shared.settled(2).await;
    eventually("that both work again", async || !paused.cluster().is_fenced()).await;
    tokio::join!(lives.stop(), paused.stop());
}

/// Found by chaos: a node was given up and came back while who owned one of its jobs was away as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_back_answers_the_job_that_nobody_took_up() {
    let shared = Shared::new().await;
    let me = Uuid::random();
    let node = shared.node(me).await;
    shared.settled(1).await;
    let job = ApiJob {
        uuid: Uuid::random(),
        api: "LeftByALifeBefore".to_owned(),
        account_uuid: Uuid::ADMIN,
        session_uuid: None,
        client_ip: String::new(),
        state: JobState::Running,
        params: None,
        result: None,
        web_hook: None,
        with_schema: false,
        timeout_ms: 60_000,
        node_uuid: me,
        long_job_uuid: None,
        progress: None,
        create_date: Timestamp::now(),
        last_op_date: Timestamp::now(),
    };
    let mut batch = shared.db.batch();
    batch.insert(&job);
    shared.db.commit(batch).await.expect("recorded");
    let url = shared.database.url().expect("on a server");
    let mut connection = MySqlConnection::connect(&url).await.expect("connects");
    let mut transaction = connection.begin().await.expect("begins");
    let lock = sqlx::query("SELECT * FROM node_lease WHERE node_uuid = ? FOR UPDATE").bind(me.to_string());
    lock.fetch_one(&mut *transaction).await.expect("it is there");
    eventually("that it steps down", async || node.cluster().is_fenced()).await;
    transaction.rollback().await.expect("ends");
    eventually("an answer", async || {
        let row = shared.db.find(ApiJob::UUID, &job.uuid).await.expect("readable").expect("it is there");
        row.state == JobState::Failed
    })
    .await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_writes_that_was_given_up_has_no_effect() {
    let server = Server::start();
    let database = TestDatabase::on(server.url()).await;
    let (wall, me) = (Arc::default(), Uuid::random());
    let kernel = setup_of(me, &database, &wall).await.start(CHAINS).await.expect("starts");
    let db = database.open().await;
    let lease = Duration::from_millis(200);
    let life = Membership::join(&db, me, "here", lease, false).await.expect("takes part");
    db.fence(me, life.incarnation());
    let renamed = async |name: &str| {
        let mut batch = db.batch();
        batch.update::<Shelf>().set(Shelf::NAME, &name.to_owned()).any();
        db.commit(batch).await
    };
    renamed("in time").await.expect("it has a lease");
    let survivor = Membership::join(kernel.db(), Uuid::random(), "there", LEASE, false).await.expect("takes part");
    eventually("the expulsion", async || survivor.round().await.expect("looks").members.len() == 1).await;
    assert!(matches!(renamed("too late").await, Err(DbError::Fenced)));
    let again = Membership::join(&db, me, "here", LEASE, true).await.expect("joins anew");
    assert!(matches!(renamed("of the life before").await, Err(DbError::Fenced)));
    db.fence(me, again.incarnation());
    renamed("in its next life").await.expect("it has a lease");
    kernel.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_on_a_lane_is_done_by_one_at_a_time_whichever_nodes_do_it() {
    let shared = Shared::new().await;
    let (one, other) = (shared.node(Uuid::random()).await, shared.node(Uuid::random()).await);
    shared.settled(2).await;
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks = (0..30).map(|n| {
        let (kernel, inside) = (if n % 2 == 0 { one.clone() } else { other.clone() }, inside.clone());
        tokio::spawn(async move {
            let work = async {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "nobody else is in it");
                tokio::time::sleep(Duration::from_millis(3)).await;
                inside.fetch_sub(1, Ordering::SeqCst);
                // What fails gives its turn back as well.
                if n % 3 == 0 { Err(ErrorCode::operation("no")) } else { Ok(()) }
            };
            kernel.alone("a shelf", work).await.is_ok()
        })
    });
    let done: Vec<bool> =
        futures::future::join_all(tasks).await.into_iter().map(|task| task.expect("no panic")).collect();
    assert_eq!(done.iter().filter(|done| **done).count(), 20);
    assert_eq!(shared.db.select::<TurnRow>().count().await.expect("readable"), 0, "all of them gave it back");

    // Who gives up in the midst of it gives it back, too.
    let gone = tokio::spawn({
        let one = one.clone();
        async move { one.alone("a shelf", std::future::pending::<Result<(), ErrorCode>>()).await }
    });
    eventually("its turn", async || shared.db.select::<TurnRow>().count().await.expect("readable") == 1).await;
    gone.abort();
    other.alone("a shelf", async { Ok(()) }).await.expect("nobody has it");
    tokio::join!(one.stop(), other.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_ends_with_the_life_of_the_node_that_has_it_and_no_sooner() {
    let shared = Shared::new().await;
    let node = shared.node(Uuid::random()).await;
    shared.settled(1).await;
    let dead = Uuid::random();
    let membership = Membership::join(&shared.db, dead, "there", LEASE, true).await.expect("joins");
    // Taken by a node that is killed while it has it.
    let lanes = node.alone("a shelf", async {
        let row = shared.db.select::<TurnRow>().first().await.expect("readable").expect("its own");
        Ok(row)
    });
    let own = lanes.await.expect("nobody has it");
    let taken = TurnRow { node_uuid: dead, incarnation: membership.incarnation(), token: Uuid::random(), ..own };
    let mut batch = shared.db.batch();
    batch.insert(&taken);
    shared.db.commit(batch).await.expect("taken");
    let begun = Instant::now();
    node.alone("a shelf", async { Ok(()) }).await.expect("the node is given up");
    let leases = shared.db.select::<NodeLease>().eq(NodeLease::NODE_UUID, &dead).count().await.expect("readable");
    assert_eq!(leases, 0, "nobody took its turn while it had a lease");
    assert!(begun.elapsed() > LEASE / 2, "it took {:?}", begun.elapsed());
    node.stop().await;
}
