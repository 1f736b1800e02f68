use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cumulo_contracts::resource::Account;
use cumulo_kernel::gc::GcRunner;
use cumulo_schema::{ErrorCode, Resource, Uuid};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::thing::{install, node, thing_of};

/// Goes on when it is let through; not to be stopped.
struct Gate(Arc<Semaphore>);

#[async_trait]
impl GcRunner for Gate {
    async fn run(&self, context: &str, _attempt: u64) -> Result<(), ErrorCode> {
        self.0.acquire().await.map_err(|closed| ErrorCode::internal("the gate is gone").because_of(&closed))?.forget();
        match context {
            "fails" => Err(ErrorCode::operation("host is away")),
            _ => Ok(()),
        }
    }
}

/// A node that owes something, and the gate before paying it.
async fn gated() -> (TestNode, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let runner = Arc::new(Gate(gate.clone()));
    let node = TestNode::start(|setup| {
        install(setup);
        setup.gc_runner("gate", runner);
    })
    .await;
    (node, gate)
}

async fn debt(node: &TestNode, context: &str) -> Value {
    let (debt, reason) = (Uuid::random(), ErrorCode::operation("host is away"));
    let (name, context) = ("gate".to_owned(), context.to_owned());
    node.kernel().debts().record(debt, name, "gate", context, Uuid::random(), &reason).await.expect("owed");
    json!({ "uuid": debt })
}

async fn submit(node: &TestNode, name: &str, data: &Value) -> Result<Value, ErrorCode> {
    let params = json!({ "params": { "name": "n", "jobName": name, "jobData": data.to_string() } });
    node.inventory("POST", "/longjobs", params).await
}

fn id(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

async fn act(node: &TestNode, uuid: &str, action: &str) -> Result<Value, ErrorCode> {
    node.call("PUT", &format!("/longjobs/{uuid}/actions"), json!({ action: {} })).await
}

async fn in_state(node: &TestNode, uuid: &str, state: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let job = node.query(&format!("/longjobs/{uuid}")).await.pop().expect("the long job");
        if job["state"] == state {
            return job;
        }
        assert!(Instant::now() < deadline, "it is not {state}: {job}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_account_s_long_job_is_its_own() {
    let mut node = node().await;
    let (owner, other) = (Uuid::random(), Uuid::random());
    let thing = thing_of(&node, owner).await;
    node.use_session(owner.to_string());
    let tag = json!({ "resourceType": "DiskOfferingVO", "resourceUuid": thing, "tag": "mine" });
    let uuid = id(&submit(&node, "APICreateUserTagMsg", &tag).await.expect("submitted"));
    let done = in_state(&node, &uuid, "Succeeded").await;
    let result: Value = serde_json::from_str(done["jobResult"].as_str().expect("a result")).expect("JSON");
    assert_eq!(result["inventory"]["tag"], "mine");
    let run = done["apiId"].as_str().expect("an id");
    assert_eq!(
        node.call("GET", &format!("/task-progresses/{run}"), Value::Null).await,
        Ok(json!({ "inventories": [] }))
    );
    let update = json!({ "updateLongJob": { "description": "d" } });
    let updated = node.inventory("PUT", &format!("/longjobs/{uuid}/actions"), update).await.expect("updated");
    assert_eq!((&updated["name"], &updated["description"]), (&json!("n"), &json!("d")));

    node.use_session(other.to_string());
    assert!(node.query("/longjobs").await.is_empty());
    for action in ["cancelLongJob", "rerunLongJob", "cleanLongJob", "updateLongJob"] {
        assert_eq!(act(&node, &uuid, action).await.expect_err("not its own").code, "ID.1002", "{action}");
    }
    let refused = node.call("DELETE", &format!("/longjobs/{uuid}"), Value::Null).await.expect_err("not its own");
    assert_eq!(refused.code, "ID.1002");
    let refused = submit(&node, "APITriggerGCJobMsg", &debt(&node, "").await).await.expect_err("the admin's");
    assert_eq!(refused.code, "ID.1002", "what may not be called may not be called in the background");
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_before_anything_is_recorded() {
    let node = node().await;
    let thing = thing_of(&node, Uuid::ADMIN).await;
    let tag = json!({ "resourceType": "DiskOfferingVO", "resourceUuid": thing, "tag": "t" });
    for (name, data, code) in [
        ("APINoSuchMsg", tag.to_string(), "SYS.1007"),
        ("", tag.to_string(), "SYS.1007"),
        ("APIQueryLongJobMsg", "{}".to_owned(), "SYS.1007"),
        ("APIGetVersionMsg", "{}".to_owned(), "SYS.1007"),
        ("APISubmitLongJobMsg", json!({ "jobName": "x", "jobData": "{}" }).to_string(), "SYS.1007"),
        ("APICreateUserTagMsg", "{}".to_owned(), "SYS.1007"),
        ("APICreateUserTagMsg", "[]".to_owned(), "SYS.1007"),
        ("APICreateUserTagMsg", "{".to_owned(), "SYS.1007"),
        ("APICreateUserTagMsg", json!({ "tag": {} }).to_string(), "SYS.1007"),
        ("APITriggerGCJobMsg", json!({ "uuid": Uuid::random() }).to_string(), "SYS.1003"),
    ] {
        let params = json!({ "params": { "jobName": name, "jobData": data } });
        let refused = node.call("POST", "/longjobs", params).await.expect_err("refused");
        assert_eq!(refused.code, code, "{name} {data}: {refused}");
    }
    assert!(node.query("/longjobs").await.is_empty());
}

#[tokio::test]
async fn long_jobs_wait_for_their_turn_and_can_be_stopped_before_it() {
    let (node, gate) = gated().await;
    node.kernel().configs().set("longJob", "running.max", Some("1")).await.expect("may be");
    node.kernel().configs().set("longJob", "waiting.max", Some("1")).await.expect("may be");
    let first = id(&submit(&node, "APITriggerGCJobMsg", &debt(&node, "").await).await.expect("runs"));
    in_state(&node, &first, "Running").await;
    let second = submit(&node, "APITriggerGCJobMsg", &debt(&node, "").await).await.expect("waits");
    assert_eq!(second["state"], "Waiting");
    let busy = submit(&node, "APITriggerGCJobMsg", &debt(&node, "").await).await.expect_err("too many");
    assert_eq!(busy.code, "SYS.1010", "{busy}");
    assert_eq!(node.query("/longjobs").await.len(), 2, "nothing was recorded of it");

    let second = id(&second);
    act(&node, &second, "cancelLongJob").await.expect("told to stop");
    in_state(&node, &second, "Canceled").await;
    act(&node, &second, "cancelLongJob").await.expect("it is");
    // What cannot be stopped in the middle ends as it ends.
    act(&node, &first, "cancelLongJob").await.expect("told to stop");
    assert_eq!(in_state(&node, &first, "Canceling").await["state"], "Canceling");
    gate.add_permits(1);
    in_state(&node, &first, "Succeeded").await;
    assert_eq!(act(&node, &first, "cancelLongJob").await.expect_err("too late").code, "LONG_JOB.1001");
    gate.add_permits(1);
    act(&node, &second, "rerunLongJob").await.expect("once more");
    in_state(&node, &second, "Succeeded").await;
}

#[tokio::test]
async fn one_that_failed_says_why_and_can_be_run_again_or_forgotten() {
    let (node, gate) = gated().await;
    gate.add_permits(2);
    let uuid = id(&submit(&node, "APITriggerGCJobMsg", &debt(&node, "fails").await).await.expect("runs"));
    let failed = in_state(&node, &uuid, "Failed").await;
    assert!(failed["jobResult"].as_str().is_some_and(|text| text.contains("host is away")), "{failed}");
    let again = act(&node, &uuid, "rerunLongJob").await.expect("runs again");
    assert_eq!(again["inventory"].get("jobResult"), None);
    in_state(&node, &uuid, "Failed").await;
    for _ in 0..2 {
        node.call("DELETE", &format!("/longjobs/{uuid}"), Value::Null).await.expect("gone is fine");
    }
    assert!(node.query("/longjobs").await.is_empty());
}

#[tokio::test]
async fn with_an_account_go_its_long_jobs_also_those_that_have_not_ended() {
    let gate = Arc::new(Semaphore::new(0));
    let runner = Arc::new(Gate(gate.clone()));
    let node = TestNode::start(|setup| {
        install(setup);
        stranger(setup, Account::META);
        setup.gc_runner("gate", runner);
    })
    .await;
    node.kernel().configs().set("longJob", "running.max", Some("1")).await.expect("may be");
    let first = id(&submit(&node, "APITriggerGCJobMsg", &debt(&node, "").await).await.expect("runs"));
    in_state(&node, &first, "Running").await;
    submit(&node, "APITriggerGCJobMsg", &debt(&node, "").await).await.expect("waits");
    let cascade = node.kernel().cascade();
    cascade.delete(Account::META.vo, vec![Uuid::random()], false).await.expect("another account goes");
    assert_eq!(node.query("/longjobs").await.len(), 2);
    cascade.delete(Account::META.vo, vec![Uuid::ADMIN], false).await.expect("the account goes");
    assert!(node.query("/longjobs").await.is_empty());
    gate.add_permits(1);
    let deadline = Instant::now() + Duration::from_secs(20);
    while node.kernel().job_depths().1 != (0, 0) {
        assert!(Instant::now() < deadline, "{:?}", node.kernel().job_depths());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(gate.available_permits(), 0, "the one that ran went on, the one that waited never did");
}

#[tokio::test]
async fn the_progress_of_another_s_call_is_not_to_be_seen_and_nonsense_is_refused() {
    let mut node = node().await;
    let nobody = Uuid::random();
    assert!(node.query(&format!("/task-progresses/{nobody}")).await.is_empty());
    let refused = node.call("GET", "/task-progresses/nonsense", Value::Null).await.expect_err("no id");
    assert_eq!(refused.code, "SYS.1007");
    node.use_session(nobody.to_string());
    assert!(node.query(&format!("/task-progresses/{}?all=true", Uuid::random())).await.is_empty());
}
