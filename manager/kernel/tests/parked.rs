//! Flows that a build does not know how to go on with: parked, and decided.

mod common;

use std::sync::Arc;

use common::{
    CHAINS, PutUp, Shelf, Wall, eventually,
    http::{Answer, admin, as_admin, call},
    setup,
};
use cumulo_kernel::{
    Kernel,
    faults::{Point, Probe, Verdict},
    flow::{Decision, FlowRow, FlowState},
};
use cumulo_schema::{ErrorCode, Json, Uuid};
use cumulo_testdb::TestDatabase;
use http::StatusCode;
use serde_json::{Value, json};

/// How a flow was cut off: at its last step, or while it was undone since that failed.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Forward,
    Back,
}

impl Probe for Fate {
    fn at(&self, point: Point<'_>) -> Verdict {
        match (point, self) {
            (Point::StepEnd { step: "mount", .. }, Fate::Forward) => Verdict::Die,
            (Point::StepEnd { step: "mount", .. }, Fate::Back) => Verdict::Fail(ErrorCode::operation("crooked")),
            (Point::UndoStart { step: "drill", .. }, Fate::Back) => Verdict::Die,
            _ => Verdict::Pass,
        }
    }
}

struct Shop {
    database: TestDatabase,
    wall: Arc<Wall>,
    /// The job, and so the flow.
    job: Uuid,
    /// What it works on.
    shelf: Uuid,
}

impl Shop {
    /// The flow of a call that was cut off at `step`, of a node that is stopped. That the journal says so there, and not one
    /// step earlier, is written by hand: a step that changes nothing leaves no trace in it.
    async fn cut_off(fate: Fate, step: &str) -> Self {
        let (job, nobody) = (Uuid::random(), Uuid::ADMIN);
        let shop = Self { database: TestDatabase::new().await, wall: Arc::default(), job, shelf: nobody };
        let kernel = shop.open(CHAINS).await;
        assert!(kernel.faults().install(Arc::new(fate)).is_ok());
        let ((auth, value), job) = (admin(), shop.job.to_string());
        let body = json!({ "params": { "name": "s" } });
        let headers = [(auth, value.as_str()), ("X-Job-UUID", job.as_str())];
        let accepted = call(&kernel, "POST", "/zstack/v1/shelves", &headers, &body.to_string()).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text);
        eventually("the death", async || kernel.flows().running_count() == 0 && shop.journal().await.is_some()).await;
        let shelf = shop.flow().await.resource_uuid;
        kernel.stop().await;
        shop.edit(|row| FlowRow { step: step.to_owned(), ..row }).await;
        Self { shelf, ..shop }
    }

    /// Writes another journal.
    async fn edit(&self, edit: impl FnOnce(FlowRow) -> FlowRow) {
        let (db, row) = (self.database.open().await, edit(self.flow().await));
        let mut batch = db.batch();
        batch.delete::<FlowRow>().eq(FlowRow::UUID, &self.job).expect("journalled");
        batch.insert(&row);
        db.commit(batch).await.expect("written");
        db.close().await;
    }

    /// The same, parked by a node whose chain is `chain`.
    async fn parked(fate: Fate, step: &str, chain: &str) -> (Self, Kernel) {
        let shop = Self::cut_off(fate, step).await;
        let kernel = shop.open(&format!("[put-up]\nput-up = {chain}")).await;
        shop.in_state(FlowState::Parked).await;
        (shop, kernel)
    }

    async fn open(&self, chains: &str) -> Kernel {
        setup(&self.database, &self.wall).await.start(chains).await.expect("starts")
    }

    async fn journal(&self) -> Option<FlowRow> {
        self.database.open().await.find(FlowRow::UUID, &self.job).await.expect("readable")
    }

    async fn flow(&self) -> FlowRow {
        self.journal().await.expect("journalled")
    }

    async fn in_state(&self, state: FlowState) {
        eventually(&format!("the state {state}"), async || self.flow().await.state == state).await;
    }

    async fn answer(&self, kernel: &Kernel) -> Answer {
        let path = format!("/zstack/v1/api-jobs/{}", self.job);
        let ended = async || call(kernel, "GET", &path, &[], "").await.status != StatusCode::ACCEPTED;
        eventually("the job's end", ended).await;
        call(kernel, "GET", &path, &[], "").await
    }

    async fn error(&self, kernel: &Kernel) -> Value {
        let answer = self.answer(kernel).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
        answer.json()["error"].take()
    }
}

async fn decide(kernel: &Kernel, shop: &Shop, decision: Decision) -> Result<(), ErrorCode> {
    kernel.decide_flow(shop.job, decision, Uuid::random()).await
}

async fn shelves(kernel: &Kernel) -> u64 {
    kernel.db().select::<Shelf>().count().await.expect("readable")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[tokio::test]
async fn it_is_answered_as_parked_and_keeps_others_off_its_resource() {
    let (shop, kernel) = Shop::parked(Fate::Forward, "hold", "['drill', 'mount']").await;
    let error = shop.error(&kernel).await;
    let details = text(&error["details"]);
    assert!(details.contains("is parked") && details.contains("'hold'") && details.contains("RetryFlow"), "{details}");
    let other = |shelf| PutUp { shelf, name: "o".into(), height: 1, owner: Uuid::ADMIN, nails: None };
    let refused = kernel.flows().run("put-up", Uuid::random(), other(shop.shelf)).await.expect_err("half done");
    assert!(refused.details.contains(&shop.job.to_string()), "{refused}");
    assert_eq!(refused.opaque.expect("facts")["parkedFlow"], json!(shop.job));
    kernel.flows().run("put-up", Uuid::random(), other(Uuid::random())).await.expect("another wall");
    kernel.flows().run("put-up", shop.job, other(shop.shelf)).await.expect_err("asking for itself changes nothing");
    assert_eq!(shop.flow().await.state, FlowState::Parked);
    decide(&kernel, &shop, Decision::Abandon).await.expect("decided");
    kernel.flows().run("put-up", Uuid::random(), other(shop.shelf)).await.expect("nothing is in the way any more");
    kernel.stop().await;
}

#[tokio::test]
async fn it_is_tried_again_by_a_build_that_knows_it_and_its_job_is_answered_anew() {
    let (shop, kernel) = Shop::parked(Fate::Forward, "hold", "['drill', 'mount']").await;
    shop.error(&kernel).await;
    let refused = decide(&kernel, &shop, Decision::Retry).await.expect_err("the step is still unknown");
    assert!(refused.details.contains("SkipFlowStep"), "{refused}");
    kernel.stop().await;
    let kernel = shop.open(CHAINS).await;
    assert_eq!(shop.flow().await.state, FlowState::Parked, "nobody decided yet");
    let refused = decide(&kernel, &shop, Decision::Skip).await.expect_err("it is known");
    assert!(refused.details.contains("RetryFlow"), "{refused}");
    let by = Uuid::random();
    kernel.decide_flow(shop.job, Decision::Retry, by).await.expect("tried again");
    assert_eq!((shop.flow().await.state, shelves(&kernel).await), (FlowState::Done, 1));
    assert_eq!(*shop.wall.done.lock().expect("not poisoned"), ["drill"], "what was done is not done again");
    let answer = shop.answer(&kernel).await;
    assert_eq!(answer.json()["inventory"]["name"], "s", "{}", answer.text);
    kernel.decide_flow(shop.job, Decision::Retry, by).await.expect("the same call asks again");
    let refused = decide(&kernel, &shop, Decision::Abandon).await.expect_err("it is decided");
    assert!(refused.details.contains("Done"), "{refused}");
    kernel.stop().await;
}

#[tokio::test]
async fn a_step_is_skipped_forward() {
    let (shop, kernel) = Shop::parked(Fate::Forward, "hold", "['drill', 'mount']").await;
    decide(&kernel, &shop, Decision::Skip).await.expect("goes on");
    let flow = shop.flow().await;
    assert_eq!((flow.state, flow.skipped), (FlowState::Done, Some(Json(vec!["hold".to_owned()]))));
    assert_eq!((shelves(&kernel).await, shop.wall.is_whole()), (1, false));
    assert_eq!(shop.answer(&kernel).await.status, StatusCode::OK);
    kernel.stop().await;
}

#[tokio::test]
async fn a_step_is_skipped_back_and_the_first_failure_is_the_answer() {
    // What is to be undone next is a step that the chain lacks; what comes before it is undone all the same.
    let (shop, kernel) = Shop::parked(Fate::Back, "hold", "['drill', 'mount']").await;
    assert!(text(&shop.error(&kernel).await["details"]).contains("is parked"));
    decide(&kernel, &shop, Decision::Skip).await.expect("goes back");
    assert_eq!((shop.flow().await.state, shelves(&kernel).await), (FlowState::Failed, 0));
    assert!(shop.wall.is_whole(), "the hole is filled");
    assert_eq!(shop.error(&kernel).await["details"], "crooked");
    kernel.stop().await;
}

#[tokio::test]
async fn skipping_the_last_thing_to_do_ends_it() {
    let (shop, kernel) = Shop::parked(Fate::Back, "drill", "['hold', 'mount']").await;
    decide(&kernel, &shop, Decision::Skip).await.expect("nothing is left");
    assert_eq!(shop.flow().await.state, FlowState::Failed);
    assert_eq!(shop.error(&kernel).await["details"], "crooked");
    assert!(!shop.wall.is_whole(), "what was skipped stays");
    kernel.stop().await;
}

#[tokio::test]
async fn what_it_did_and_this_build_cannot_undo_is_not_forgotten() {
    // It stands where the chain has a step, but what came before cannot be undone.
    let (shop, kernel) = Shop::parked(Fate::Back, "mount", "['hold', 'mount']").await;
    let error = shop.error(&kernel).await;
    assert!(text(&error["details"]).contains("'drill'"), "{error}");
    decide(&kernel, &shop, Decision::Retry).await.expect_err("it still lacks the step");
    decide(&kernel, &shop, Decision::Skip).await.expect("goes back past it");
    let flow = shop.flow().await;
    assert_eq!((flow.state, flow.skipped), (FlowState::Failed, Some(Json(vec!["drill".to_owned()]))));
    assert!(!shop.wall.is_whole(), "what was skipped stays");
    kernel.stop().await;

    // Forward it could go on; only when it fails there is something that cannot be undone.
    let shop = Shop::cut_off(Fate::Forward, "mount").await;
    let kernel = setup(&shop.database, &shop.wall).await.start("[put-up]\nput-up = ['hold', 'mount']").await;
    let kernel = kernel.expect("starts");
    shop.in_state(FlowState::Done).await;
    kernel.stop().await;
    let shop = Shop::cut_off(Fate::Forward, "mount").await;
    let starting = setup(&shop.database, &shop.wall).await;
    assert!(starting.kernel().faults().install(Arc::new(Fate::Back)).is_ok());
    let kernel = starting.start("[put-up]\nput-up = ['hold', 'mount']").await.expect("starts");
    shop.in_state(FlowState::Parked).await;
    assert_eq!(text(&shop.error(&kernel).await["cause"]["details"]), "crooked");
    kernel.stop().await;
}

#[tokio::test]
async fn it_is_undone_by_a_build_that_knows_it() {
    let (shop, kernel) = Shop::parked(Fate::Back, "drill", "['hold', 'mount']").await;
    kernel.stop().await;
    let kernel = shop.open(CHAINS).await;
    decide(&kernel, &shop, Decision::Retry).await.expect("undone");
    assert!(shop.wall.is_whole());
    assert_eq!(shop.error(&kernel).await["details"], "crooked", "why it was undone, and not why it was parked");
    kernel.stop().await;
}

#[tokio::test]
async fn an_abandoned_one_says_what_is_left() {
    let (shop, kernel) = Shop::parked(Fate::Forward, "mount", "['drill', 'hold']").await;
    decide(&kernel, &shop, Decision::Abandon).await.expect("abandoned");
    assert_eq!(shop.flow().await.state, FlowState::Failed);
    let error = shop.error(&kernel).await;
    let details = text(&error["details"]);
    assert!(details.contains("drill, hold, mount") && details.contains(&shop.shelf.to_string()), "{details}");
    let left: Vec<&str> =
        error["opaque"]["left"].as_array().expect("a list").iter().map(|left| text(&left["step"])).collect();
    assert_eq!(left, ["drill", "hold", "mount"]);
    assert_eq!(error["opaque"]["left"][0]["resourceUuid"], json!(shop.shelf));
    assert!(text(&error["cause"]["details"]).contains("is parked"), "{error}");
    assert!(!shop.wall.is_whole(), "nothing was undone");
    kernel.stop().await;
    let kernel = shop.open(CHAINS).await;
    assert_eq!(shop.flow().await.state, FlowState::Failed, "it stays decided");
    assert_eq!(shop.error(&kernel).await["details"], error["details"]);
    kernel.stop().await;
}

#[tokio::test]
async fn a_context_of_another_version_waits_for_the_build_that_reads_it() {
    let shop = Shop::cut_off(Fate::Forward, "hold").await;
    shop.edit(|row| FlowRow { version: 7, ..row }).await;
    let kernel = shop.open(CHAINS).await;
    shop.in_state(FlowState::Parked).await;
    for decision in [Decision::Retry, Decision::Skip] {
        let refused = decide(&kernel, &shop, decision).await.expect_err("unreadable");
        assert!(refused.details.contains("stays parked") && refused.details.contains("version 7"), "{refused}");
    }
    kernel.stop().await;
    shop.edit(|row| FlowRow { version: 1, ..row }).await;
    let kernel = shop.open(CHAINS).await;
    decide(&kernel, &shop, Decision::Retry).await.expect("this build reads it");
    assert_eq!((shop.flow().await.state, shelves(&kernel).await), (FlowState::Done, 1));
    kernel.stop().await;
}

#[tokio::test]
async fn a_decision_that_is_cut_off_is_taken_or_not() {
    // The process dies right after the decision was written: the next one goes on as decided.
    let (shop, kernel) = Shop::parked(Fate::Forward, "hold", "['drill', 'mount']").await;
    shop.error(&kernel).await;
    kernel.stop().await;
    let kernel = shop.open(CHAINS).await;
    let held = shop.wall.hold();
    let deciding = tokio::spawn({
        let (kernel, job) = (kernel.clone(), shop.job);
        async move { kernel.decide_flow(job, Decision::Retry, Uuid::ADMIN).await }
    });
    shop.in_state(FlowState::Active).await;
    let path = format!("/zstack/v1/api-jobs/{}", shop.job);
    let running = async || call(&kernel, "GET", &path, &[], "").await.status == StatusCode::ACCEPTED;
    eventually("that the job is under way again", running).await;
    kernel.db().close().await;
    deciding.abort();
    drop(held);
    let kernel = shop.open(CHAINS).await;
    shop.in_state(FlowState::Done).await;
    assert_eq!(shop.answer(&kernel).await.json()["inventory"]["name"], "s");
    kernel.decide_flow(shop.job, Decision::Retry, Uuid::ADMIN).await.expect("that call, handled once more");
    let listed = as_admin(&kernel, "GET", "/zstack/v1/shelves", "").await;
    assert_eq!(listed.json()["inventories"].as_array().map(Vec::len), Some(1), "{}", listed.text);
    kernel.stop().await;
}
