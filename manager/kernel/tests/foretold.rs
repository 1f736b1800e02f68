//! Steps whose start is written with that of a step before them: run, killed and undone.

mod common;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use common::eventually;
use cumulo_kernel::{
    Kernel, Setup,
    db::Db,
    faults::{Point, Probe, Verdict},
    flow::{Flow, FlowReply, Step, StepCx},
};
use cumulo_schema::{
    ErrorCode, Uuid,
    system::{self, Flow as FlowRow, FlowState},
};
use cumulo_testdb::TestDatabase;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Hang {
    picture: Uuid,
}

impl Flow for Hang {
    const NAME: &'static str = "hang";
    fn resource(&self) -> Uuid {
        self.picture
    }
    fn reply(&self) -> FlowReply {
        FlowReply::Empty
    }
}

/// What was done outside of the database, by step.
type Room = Arc<Mutex<BTreeSet<&'static str>>>;

/// Changes something outside.
struct Does {
    name: &'static str,
    is_foretold: bool,
    room: Room,
    kernel: Kernel,
}

#[async_trait]
impl Step<Hang> for Does {
    fn name(&self) -> &'static str {
        self.name
    }
    fn is_foretold(&self) -> bool {
        self.is_foretold
    }
    async fn run(&self, _: &mut StepCx<Hang>) -> Result<(), ErrorCode> {
        self.kernel.db().settle().await?;
        self.room.lock().expect("not poisoned").insert(self.name);
        Ok(())
    }
    async fn undo(&self, _: &mut StepCx<Hang>) -> Result<(), ErrorCode> {
        self.kernel.db().settle().await?;
        self.room.lock().expect("not poisoned").remove(self.name);
        Ok(())
    }
}

const STEPS: [(&str, bool); 4] = [("measure", false), ("drill", false), ("plug", true), ("nail", true)];

const CHAIN: &str = "[hang]\nhang = ['measure', 'drill', 'plug', 'nail']";

async fn start(database: &TestDatabase, room: &Room, probe: Option<Arc<dyn Probe>>) -> Kernel {
    start_with(CHAIN, database, room, probe).await
}

async fn start_with(chain: &str, database: &TestDatabase, room: &Room, probe: Option<Arc<dyn Probe>>) -> Kernel {
    let id = Uuid::ADMIN.derive("node");
    let mut setup = Setup::new(database.open().await, id, &database.path().join("key")).expect("opens");
    let kernel = setup.kernel().clone();
    setup.resources(system::RESOURCES);
    for (name, is_foretold) in STEPS {
        setup.step(Does { name, is_foretold, room: room.clone(), kernel: kernel.clone() });
    }
    if let Some(probe) = probe {
        assert!(kernel.faults().install(probe).is_ok());
    }
    setup.start(chain).await.expect("starts")
}

/// Dies where a step starts, or has ended.
struct Dies {
    step: &'static str,
    is_end: bool,
}

impl Probe for Dies {
    fn at(&self, point: Point<'_>) -> Verdict {
        match point {
            Point::StepStart { step, .. } if !self.is_end && step == self.step => Verdict::Die,
            Point::StepEnd { step, .. } if self.is_end && step == self.step => Verdict::Die,
            _ => Verdict::Pass,
        }
    }
}

/// Fails every step as soon as it starts.
struct Refuses;

impl Probe for Refuses {
    fn at(&self, point: Point<'_>) -> Verdict {
        match point {
            Point::StepStart { .. } => Verdict::Fail(ErrorCode::operation("not now")),
            _ => Verdict::Pass,
        }
    }
}

/// A flow whose node died when `step` had started, or had ended.
async fn killed(step: &'static str, is_end: bool) -> (TestDatabase, Room, Uuid) {
    let (database, room, flow) = (TestDatabase::new().await, Room::default(), Uuid::random());
    let kernel = start(&database, &room, Some(Arc::new(Dies { step, is_end }))).await;
    let hang = Hang { picture: Uuid::random() };
    kernel.flows().run("hang", flow, hang).await.expect_err("nobody answers");
    kernel.stop().await;
    (database, room, flow)
}

async fn row(db: &Db, flow: Uuid) -> FlowRow {
    db.find(FlowRow::UUID, &flow).await.expect("read").expect("it is in the journal")
}

async fn ended(kernel: &Kernel, flow: Uuid) -> FlowRow {
    eventually("the flow's end", async || row(kernel.db(), flow).await.state != FlowState::Active).await;
    row(kernel.db(), flow).await
}

#[tokio::test]
async fn the_journal_says_at_once_how_far_it_may_have_come() {
    let (database, room, flow) = killed("nail", true).await;
    assert_eq!(room.lock().expect("not poisoned").len(), STEPS.len(), "everything was done");
    let row = row(&database.open().await, flow).await;
    assert_eq!((row.step.as_str(), row.foretold.as_deref()), ("drill", Some("nail")));
}

#[tokio::test]
async fn killed_anywhere_the_next_life_finishes_it() {
    for (step, _) in &STEPS[1..] {
        for is_end in [false, true] {
            let (database, room, flow) = killed(step, is_end).await;
            let kernel = start(&database, &room, None).await;
            assert_eq!(ended(&kernel, flow).await.state, FlowState::Done, "killed at {step}, at its end: {is_end}");
            assert_eq!(room.lock().expect("not poisoned").len(), STEPS.len());
            kernel.stop().await;
        }
    }
}

#[tokio::test]
async fn killed_anywhere_the_next_life_undoes_what_it_had_not_reached_itself() {
    for (step, _) in &STEPS[1..] {
        for is_end in [false, true] {
            let (database, room, flow) = killed(step, is_end).await;
            let kernel = start(&database, &room, Some(Arc::new(Refuses))).await;
            assert_eq!(ended(&kernel, flow).await.state, FlowState::Failed);
            let left = room.lock().expect("not poisoned").clone();
            assert!(left.is_empty(), "killed at {step}, at its end: {is_end}; left: {left:?}");
            kernel.stop().await;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_undone_any_more_is_not_forgotten() {
    let (database, room, flow) = killed("nail", true).await;
    let chain = "[hang]\nhang = ['measure', 'drill', 'plug']";
    let kernel = start_with(chain, &database, &room, Some(Arc::new(Refuses))).await;
    let row = ended(&kernel, flow).await;
    assert_eq!(row.state, FlowState::Parked);
    let why = row.error.expect("a reason").0;
    assert!(why.details.contains("'nail'"), "{why}");
    assert_eq!(room.lock().expect("not poisoned").len(), STEPS.len(), "nothing is undone before somebody decides");
    kernel.stop().await;
}
