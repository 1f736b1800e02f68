//! Flows failed everywhere, and killed everywhere.

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{CHAINS, PutUp, Shelf, Wall, eventually, kernel, setup};
use cumulo_kernel::{
    Kernel,
    bus::{CallContext, Caller},
    faults::{Point, Probe, Verdict},
};
use cumulo_schema::{
    ErrorCode, Uuid, codes,
    system::{GarbageCollector, GcStatus},
};
use cumulo_testdb::TestDatabase;

fn put_up() -> PutUp {
    PutUp { shelf: Uuid::random(), name: "s".into(), height: 200, owner: Uuid::ADMIN, nails: None }
}

async fn shelves(kernel: &Kernel) -> u64 {
    kernel.db().select::<Shelf>().count().await.expect("read")
}

/// Does something at the `at`th point that is passed, and counts the points.
struct At {
    at: usize,
    verdict: Verdict,
    passed: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

impl Probe for At {
    fn at(&self, point: Point<'_>) -> Verdict {
        self.seen.lock().expect("not poisoned").push(format!("{point:?}"));
        match self.passed.fetch_add(1, Ordering::SeqCst) == self.at {
            true => self.verdict.clone(),
            false => Verdict::Pass,
        }
    }
}

fn probe(kernel: &Kernel, at: usize, verdict: Verdict) -> Arc<At> {
    let probe = Arc::new(At { at, verdict, passed: AtomicUsize::new(0), seen: Mutex::default() });
    assert!(kernel.faults().install(probe.clone()).is_ok());
    probe
}

#[tokio::test]
async fn a_flow_runs_its_steps_once_also_when_asked_twice() {
    let (kernel, wall, _database) = kernel().await;
    let (id, context) = (Uuid::random(), put_up());
    let first = kernel.flows().run("put-up", id, context.clone()).await.expect("runs");
    assert_eq!(first.nails, Some(4));
    let again = kernel.flows().run("put-up", id, context).await.expect("answered");
    assert_eq!(again.nails, Some(4));
    assert_eq!(*wall.done.lock().expect("not poisoned"), ["drill"]);
    assert_eq!(shelves(&kernel).await, 1);
}

#[tokio::test]
async fn failing_at_any_point_leaves_nothing_behind() {
    let points = {
        let (kernel, _, _database) = kernel().await;
        let count = probe(&kernel, usize::MAX, Verdict::Pass);
        kernel.flows().run("put-up", Uuid::random(), put_up()).await.expect("runs");
        count.passed.load(Ordering::SeqCst)
    };
    assert!(points >= 4, "two steps pass at least four points");
    for at in 0..points {
        let (kernel, wall, _database) = kernel().await;
        probe(&kernel, at, Verdict::Fail(ErrorCode::operation("on purpose")));
        let error = kernel.flows().run("put-up", Uuid::random(), put_up()).await.expect_err("fails");
        assert_eq!(error.details, "on purpose");
        assert!(wall.is_whole(), "a hole is left after failing at point {at}");
        assert_eq!(shelves(&kernel).await, 0, "a shelf is left after failing at point {at}");
        assert_eq!(kernel.db().select::<GarbageCollector>().count().await.expect("read"), 0);
    }
}

/// A step that asked for something which another node took over meanwhile, while the flow itself stayed: once its caller took
/// the flow's own end for a node that went away, and asked for it again and again.
#[tokio::test]
async fn that_a_node_went_away_is_not_what_a_flow_ends_with() {
    let (kernel, _wall, _database) = kernel().await;
    let gone = ErrorCode::new(codes::NODE_UNAVAILABLE, "another node goes on");
    probe(&kernel, 1, Verdict::Fail(gone));
    let (id, context) = (Uuid::random(), put_up());
    for time in ["when it fails", "when it is asked again"] {
        let error = kernel.flows().run("put-up", id, context.clone()).await.expect_err(time);
        assert!(!error.is(codes::NODE_UNAVAILABLE) && error.comes_of(codes::NODE_UNAVAILABLE), "{time}: {error:?}");
    }
    assert_eq!(shelves(&kernel).await, 0);
}

#[tokio::test]
async fn killed_at_any_point_the_next_life_finishes_it() {
    for at in 0..4 {
        let (database, wall) = (TestDatabase::new().await, Arc::new(Wall::default()));
        let (id, context) = (Uuid::random(), put_up());
        let shelf = context.shelf;
        {
            let kernel = setup(&database, &wall).await.start(CHAINS).await.expect("starts");
            probe(&kernel, at, Verdict::Die);
            let cut = kernel.flows().run("put-up", id, context).await.expect_err("nobody answers");
            assert!(cut.details.contains("cut off"), "{cut}");
            kernel.stop().await;
        }
        let kernel = setup(&database, &wall).await.start(CHAINS).await.expect("starts again");
        if at == 0 {
            // Before the first step did anything the flow itself is not written.
            assert!(wall.is_whole() && shelves(&kernel).await == 0, "something is left of what never began");
            continue;
        }
        eventually("the shelf", async || shelves(&kernel).await == 1).await;
        assert!(wall.holes.lock().expect("not poisoned").contains(&shelf));
        kernel.stop().await;
    }
}

/// Remembers on whose behalf, and for how long, the points are passed.
#[derive(Default)]
struct Watch(Mutex<Vec<CallContext>>);

impl Probe for Watch {
    fn at(&self, point: Point<'_>) -> Verdict {
        if matches!(point, Point::StepStart { .. } | Point::StepEnd { .. }) {
            self.0.lock().expect("not poisoned").push(CallContext::current());
        }
        Verdict::Pass
    }
}

#[tokio::test]
async fn a_flow_that_goes_on_has_the_patience_and_the_trace_of_its_caller() {
    const HOUR: Duration = Duration::from_hours(1);
    for (patience, expected) in [(72 * HOUR, 72 * HOUR), (Duration::from_secs(30), HOUR)] {
        let (database, wall, trace) = (TestDatabase::new().await, Arc::new(Wall::default()), Uuid::random());
        {
            let kernel = setup(&database, &wall).await.start(CHAINS).await.expect("starts");
            probe(&kernel, 2, Verdict::Die);
            let run = kernel.flows().run("put-up", Uuid::random(), put_up());
            CallContext::starting(trace, Caller::SYSTEM, patience).scope(run).await.expect_err("nobody answers");
            kernel.stop().await;
        }
        let setup = setup(&database, &wall).await;
        let watch = Arc::new(Watch::default());
        assert!(setup.kernel().faults().install(watch.clone()).is_ok());
        let kernel = setup.start(CHAINS).await.expect("starts again");
        eventually("the shelf", async || shelves(&kernel).await == 1).await;
        kernel.stop().await;
        let seen = watch.0.lock().expect("not poisoned");
        assert!(!seen.is_empty(), "it went on somewhere");
        for context in seen.iter() {
            let left = context.remaining();
            assert!(context.trace == trace && left <= expected, "{context:?}");
            assert!(left > expected.saturating_sub(Duration::from_mins(5)), "{left:?} of {expected:?}");
        }
    }
}

#[tokio::test]
async fn killed_while_undoing_the_next_life_undoes_the_rest() {
    let (database, wall) = (TestDatabase::new().await, Arc::new(Wall::default()));
    let id = Uuid::random();
    struct FailThenDie;
    impl Probe for FailThenDie {
        fn at(&self, point: Point<'_>) -> Verdict {
            match point {
                Point::StepEnd { step: "mount", .. } => Verdict::Fail(ErrorCode::operation("crooked")),
                Point::UndoStart { step: "drill", .. } => Verdict::Die,
                _ => Verdict::Pass,
            }
        }
    }
    {
        let kernel = setup(&database, &wall).await.start(CHAINS).await.expect("starts");
        assert!(kernel.faults().install(Arc::new(FailThenDie)).is_ok());
        kernel.flows().run("put-up", id, put_up()).await.expect_err("nobody answers");
        assert!(!wall.is_whole());
        kernel.stop().await;
    }
    let kernel = setup(&database, &wall).await.start(CHAINS).await.expect("starts again");
    eventually("the wall whole", async || wall.is_whole()).await;
    let error = kernel.flows().run("put-up", id, put_up()).await.expect_err("it failed");
    assert_eq!(error.details, "crooked", "who asks again hears the first reason");
    assert_eq!(shelves(&kernel).await, 0);
}

#[tokio::test]
async fn an_undo_that_keeps_failing_becomes_a_debt_that_is_paid() {
    let (kernel, wall, _database) = kernel().await;
    *wall.undo_fails.lock().expect("not poisoned") = 3;
    struct Crooked;
    impl Probe for Crooked {
        fn at(&self, point: Point<'_>) -> Verdict {
            match point {
                Point::StepEnd { step: "mount", .. } => Verdict::Fail(ErrorCode::operation("crooked")),
                _ => Verdict::Pass,
            }
        }
    }
    assert!(kernel.faults().install(Arc::new(Crooked)).is_ok());
    let context = put_up();
    let shelf = context.shelf;
    kernel.flows().run("put-up", Uuid::random(), context).await.expect_err("crooked");
    assert_eq!(shelves(&kernel).await, 0, "the other undo ran all the same");
    let owed = kernel.debts().of_resource(shelf).await.expect("read");
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].name, "undo drill of put-up");
    assert_eq!(owed[0].last_error.0.details, "the plaster is not dry");
    kernel.trigger_debt(owed[0].uuid).await.expect("paid");
    assert!(wall.is_whole());
    assert!(kernel.debts().of_resource(shelf).await.expect("read").is_empty());
    let row = kernel.db().find(GarbageCollector::UUID, &owed[0].uuid).await.expect("read").expect("kept");
    assert_eq!(row.status, GcStatus::Done);
}

#[tokio::test]
async fn an_undo_for_which_nobody_answers_is_a_debt_at_once_and_due_when_they_are_back() {
    let (kernel, wall, _database) = kernel().await;
    /// Whoever fills the hole is away.
    struct Away {
        mason: Uuid,
        tries: AtomicUsize,
    }
    impl Probe for Away {
        fn at(&self, point: Point<'_>) -> Verdict {
            match point {
                Point::StepEnd { step: "mount", .. } => Verdict::Fail(ErrorCode::operation("crooked")),
                Point::UndoStart { step: "drill", .. } => {
                    self.tries.fetch_add(1, Ordering::SeqCst);
                    let away = ErrorCode::unreachable(self.mason, "nobody answers");
                    Verdict::Fail(ErrorCode::operation("the hole is not filled").because(away))
                }
                _ => Verdict::Pass,
            }
        }
    }
    let away = Arc::new(Away { mason: Uuid::random(), tries: AtomicUsize::new(0) });
    assert!(kernel.faults().install(away.clone()).is_ok());
    let context = put_up();
    let shelf = context.shelf;
    kernel.flows().run("put-up", Uuid::random(), context).await.expect_err("crooked");
    assert_eq!(away.tries.load(Ordering::SeqCst), 1, "who waits for the flow does not wait for three tries");
    let owed = kernel.debts().of_resource(shelf).await.expect("read").pop().expect("a debt");
    assert_eq!(owed.waits_for, Some(away.mason));
    assert!(!wall.is_whole());
    kernel.debts().due(Uuid::random()).await.expect("somebody else is back");
    let still = kernel.debts().of_resource(shelf).await.expect("read").pop().expect("a debt");
    assert_eq!(still.next_try, owed.next_try);
    kernel.debts().due(away.mason).await.expect("back");
    eventually("the debt paid", async || kernel.debts().of_resource(shelf).await.expect("read").is_empty()).await;
    assert!(wall.is_whole());
    let paid = kernel.db().find(GarbageCollector::UUID, &owed.uuid).await.expect("read").expect("kept");
    assert_eq!((paid.status, paid.attempts), (GcStatus::Done, 1));
}

#[tokio::test]
async fn a_flow_whose_chain_is_gone_is_parked_and_blocks_nobody() {
    let (database, wall) = (TestDatabase::new().await, Arc::new(Wall::default()));
    let id = Uuid::random();
    {
        let kernel = setup(&database, &wall).await.start(CHAINS).await.expect("starts");
        probe(&kernel, 1, Verdict::Die);
        kernel.flows().run("put-up", id, put_up()).await.expect_err("nobody answers");
        kernel.stop().await;
    }
    let kernel = setup(&database, &wall).await.start("[put-up]\nput-up = ['mount']").await.expect("starts again");
    eventually("parking", async || {
        let row = kernel.db().find(cumulo_kernel::flow::FlowRow::UUID, &id).await.expect("read").expect("there");
        row.state == cumulo_kernel::flow::FlowState::Parked
    })
    .await;
    assert_eq!(shelves(&kernel).await, 0);
}

#[tokio::test]
async fn a_chain_with_an_unknown_step_does_not_start() {
    let (database, wall) = (TestDatabase::new().await, Arc::new(Wall::default()));
    let refused = setup(&database, &wall).await.start("[put-up]\nput-up = ['drill', 'paint']").await;
    let error = refused.err().map(|error| format!("{:#}", std::error::Error::source(&error).expect("a cause")));
    assert!(error.as_ref().is_some_and(|text| text.contains("paint") && text.contains("drill")), "{error:?}");
}
