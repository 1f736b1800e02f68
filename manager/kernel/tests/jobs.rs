//! Jobs as their clients see them: how far they are, how long they may take, how many there may be.

mod common;

use std::{sync::Arc, time::Duration};

use common::{
    Wall, eventually,
    http::{Answer, admin, as_admin, call, ended},
    kernel, setup,
};
use cumulo_kernel::{
    Kernel,
    faults::{Point, Probe, Verdict},
    flow::{FlowRow, FlowState},
};
use cumulo_schema::{ErrorCode, Json, Uuid};
use cumulo_testdb::TestDatabase;
use http::StatusCode;
use serde_json::json;

const SHELF: &str = r#"{"params":{"name":"s"}}"#;

/// Sends a call that makes a job, with more headers.
async fn submit(kernel: &Kernel, job: Uuid, more: &[(&str, &str)]) -> Answer {
    let ((auth, value), job) = (admin(), job.to_string());
    let mut headers = vec![(auth, value.as_str()), ("X-Job-UUID", job.as_str())];
    headers.extend(more);
    call(kernel, "POST", "/zstack/v1/shelves", &headers, SHELF).await
}

async fn poll(kernel: &Kernel, job: Uuid) -> Answer {
    call(kernel, "GET", &format!("/zstack/v1/api-jobs/{job}"), &[], "").await
}

async fn set(kernel: &Kernel, category: &str, name: &str, value: &str) {
    kernel.configs().set(category, name, Some(value)).await.expect("may have that value");
}

#[tokio::test]
async fn a_job_tells_its_steps_while_it_runs_and_its_last_one_afterwards() {
    let (kernel, wall, _database) = kernel().await;
    let held = wall.hold();
    let job = Uuid::random();
    submit(&kernel, job, &[]).await;
    let steps = async |all| kernel.progress(job, all).await.expect("read").map(|progress| progress.entries);
    eventually("the second step", async || steps(true).await.is_some_and(|steps| steps.len() == 2)).await;
    let all = steps(true).await.expect("under way");
    assert_eq!((&all[0]["taskName"], &all[1]["taskName"]), (&json!("drill"), &json!("hold")));
    assert_eq!((&all[1]["type"], &all[1]["opaque"]["percent"]), (&json!("Task"), &json!(33)));
    assert_eq!(steps(false).await.expect("under way")[0]["content"], "hold");
    drop(held);
    eventually("the end", async || poll(&kernel, job).await.status == StatusCode::OK).await;
    let last = steps(true).await.expect("recorded");
    assert_eq!((last.len(), &last[0]["content"]), (1, &json!("mount")));
    assert_eq!(kernel.progress(Uuid::random(), true).await.expect("read"), None);
}

/// Fails the second step of every flow.
struct TooHeavy;

impl Probe for TooHeavy {
    fn at(&self, point: Point<'_>) -> Verdict {
        match point {
            Point::StepEnd { step: "hold", .. } => Verdict::Fail(ErrorCode::operation("too heavy")),
            _ => Verdict::Pass,
        }
    }
}

/// Found by chaos: a flow failed here, while another node, which had taken it up, was at it too.
#[tokio::test]
async fn a_job_whose_flow_was_taken_up_elsewhere_ends_as_that_says() {
    let (kernel, wall, _database) = kernel().await;
    assert!(kernel.faults().install(Arc::new(TooHeavy)).is_ok());
    let (job, held) = (Uuid::random(), wall.hold());
    submit(&kernel, job, &[]).await;
    eventually("the second step", async || {
        kernel.progress(job, true).await.expect("read").is_some_and(|progress| progress.entries.len() == 2)
    })
    .await;
    // As another node does that takes it up and comes to an end of its own.
    let mut batch = kernel.db().batch();
    batch
        .update::<FlowRow>()
        .set(FlowRow::NODE_UUID, &Uuid::random())
        .set(FlowRow::STATE, &FlowState::Failed)
        .set(FlowRow::ERROR, &Some(Json(ErrorCode::operation("too wide"))))
        .eq(FlowRow::UUID, &job)
        .expect("the flow is in the journal");
    kernel.db().commit(batch).await.expect("taken up");
    drop(held);
    eventually("the end", async || poll(&kernel, job).await.status != StatusCode::ACCEPTED).await;
    let answer = poll(&kernel, job).await;
    assert!(answer.text.contains("too wide"), "{}", answer.text);
    kernel.stop().await;
}

/// It serves its clients a little longer than it has a database.
#[tokio::test]
async fn a_node_that_stops_says_of_no_job_that_it_failed() {
    let (kernel, _, _database) = kernel().await;
    let job = Uuid::random();
    submit(&kernel, job, &[]).await;
    eventually("the end", async || poll(&kernel, job).await.status == StatusCode::OK).await;
    kernel.db().close().await;
    let answer = poll(&kernel, job).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
}

#[tokio::test]
async fn a_timeout_is_what_the_call_says_or_what_is_set_or_what_is_declared() {
    const NAME: &str = "org.example.APICreateShelfMsg";
    let (kernel, _, _database) = kernel().await;
    let told = async |more: &[(&str, &str)]| submit(&kernel, Uuid::random(), more).await.json()["apiTimeout"].clone();
    assert_eq!(told(&[]).await, 1_800_000);
    set(&kernel, "apiTimeout", NAME, "72h").await;
    assert_eq!(told(&[]).await, 259_200_000);
    set(&kernel, "apiTimeout", NAME, "300000").await;
    assert_eq!(told(&[]).await, 300_000);
    assert_eq!(told(&[("X-API-Timeout", "7")]).await, 7000);
    for wrong in ["299s", "31d", "soon", "", "-5m"] {
        let refused = kernel.configs().set("apiTimeout", NAME, Some(wrong)).await.expect_err("refused");
        assert_eq!(refused.code, "SYS.1007", "{wrong}");
    }
    assert_eq!(told(&[]).await, 300_000, "what was refused changed nothing");
    kernel.configs().set("apiTimeout", NAME, None).await.expect("reset");
    assert_eq!(told(&[]).await, 1_800_000);
}

#[tokio::test]
async fn what_takes_too_long_ends_with_the_timeout_and_is_undone() {
    let (kernel, wall, _database) = kernel().await;
    let held = wall.hold();
    let job = Uuid::random();
    submit(&kernel, job, &[("X-API-Timeout", "1")]).await;
    eventually("the hole", async || !wall.is_whole()).await;
    eventually("the end", async || poll(&kernel, job).await.status != StatusCode::ACCEPTED).await;
    drop(held);
    let failed = poll(&kernel, job).await;
    assert_eq!(failed.json()["error"]["code"], "SYS.1001", "{}", failed.text);
    assert!(wall.is_whole(), "undone, though the time was up");
    assert_eq!(kernel.db().select::<cumulo_schema::system::GarbageCollector>().count().await.expect("read"), 0);
}

#[tokio::test]
async fn three_times_the_bound_runs_waits_and_is_sent_away() {
    const BOUND: usize = 10;
    let (kernel, wall, _database) = kernel().await;
    set(&kernel, "job", "running.max", &BOUND.to_string()).await;
    set(&kernel, "job", "waiting.max", &BOUND.to_string()).await;
    let held = wall.hold();
    let mut accepted = Vec::new();
    for n in 0..3 * BOUND {
        let job = Uuid::random();
        let answer = submit(&kernel, job, &[]).await;
        match answer.status {
            StatusCode::ACCEPTED => accepted.push(job),
            StatusCode::SERVICE_UNAVAILABLE => {
                let error = answer.json()["error"].clone();
                assert_eq!((n >= 2 * BOUND, &error["code"]), (true, &json!("SYS.1010")), "{n}: {error}");
                let seconds: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
                assert!((1..=60).contains(&seconds), "{seconds}");
                assert_eq!(poll(&kernel, job).await.status, StatusCode::NOT_FOUND, "nothing was recorded");
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert_eq!(accepted.len(), 2 * BOUND);
    let holes = || wall.holes.lock().expect("not poisoned").len();
    eventually("as many as may run", async || holes() == BOUND).await;
    assert_eq!(kernel.job_depths().0, (BOUND, BOUND));
    // Reads and polls go on meanwhile.
    assert_eq!(as_admin(&kernel, "GET", "/zstack/v1/shelves?count=true", "").await.status, StatusCode::OK);
    assert_eq!(poll(&kernel, accepted[2 * BOUND - 1]).await.status, StatusCode::ACCEPTED);
    drop(held);
    for job in accepted {
        eventually("an accepted job's end", async || poll(&kernel, job).await.status == StatusCode::OK).await;
    }
    eventually("free places", async || kernel.job_depths().0 == (0, 0)).await;
    assert_eq!(submit(&kernel, Uuid::random(), &[]).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_job_that_never_gets_its_turn_does_nothing_and_says_so() {
    let (kernel, wall, _database) = kernel().await;
    set(&kernel, "job", "running.max", "1").await;
    let held = wall.hold();
    submit(&kernel, Uuid::random(), &[]).await;
    let job = Uuid::random();
    submit(&kernel, job, &[("X-API-Timeout", "1")]).await;
    eventually("the end", async || poll(&kernel, job).await.status != StatusCode::ACCEPTED).await;
    assert_eq!(poll(&kernel, job).await.json()["error"]["code"], "SYS.1001");
    assert_eq!(wall.done.lock().expect("not poisoned").len(), 1, "only the other one drilled");
    drop(held);
}

#[tokio::test]
async fn jobs_that_waited_when_the_node_stopped_are_done_by_its_next_life() {
    let (database, wall) = (TestDatabase::new().await, Arc::new(Wall::default()));
    let kernel = setup(&database, &wall).await.start(common::CHAINS).await.expect("starts");
    set(&kernel, "job", "running.max", "1").await;
    let held = wall.hold();
    let jobs: Vec<Uuid> = (0..5).map(|_| Uuid::random()).collect();
    for job in &jobs {
        submit(&kernel, *job, &[]).await;
    }
    eventually("the first to run", async || !wall.is_whole()).await;
    let stopping = tokio::spawn({
        let kernel = kernel.clone();
        async move { kernel.stop().await }
    });
    eventually("the stop", async || kernel.is_stopping()).await;
    drop(held);
    stopping.await.expect("stops");
    assert_eq!(wall.holes.lock().expect("not poisoned").len(), 1, "those in the line were not begun");
    let kernel = setup(&database, &wall).await.start(common::CHAINS).await.expect("starts");
    for job in jobs {
        eventually("a job's end", async || poll(&kernel, job).await.status == StatusCode::OK).await;
    }
}

#[tokio::test]
async fn a_web_hook_hears_what_a_poll_would_and_a_wrong_one_is_refused() {
    let (kernel, _, _database) = kernel().await;
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let app = axum::Router::new().fallback(move |headers: http::HeaderMap, body: String| {
        let told = heard.send((headers, body));
        async move { told.map_or(StatusCode::GONE, |()| StatusCode::OK) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let url = format!("http://{}/here", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let job = Uuid::random();
    let accepted = submit(&kernel, job, &[("X-Web-Hook", &url)]).await;
    let done = ended(&kernel, &accepted).await;
    let hearing = tokio::time::timeout(Duration::from_secs(10), hears.recv());
    let (headers, body) = hearing.await.expect("within 10 s").expect("told");
    assert_eq!(body, done.text);
    assert_eq!(headers["x-job-uuid"], job.to_string());
    assert_eq!(headers["x-job-success"], "true");
    let refused = submit(&kernel, Uuid::random(), &[("X-Web-Hook", "file:///etc/passwd")]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
}
