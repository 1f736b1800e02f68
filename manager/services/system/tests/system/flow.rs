use async_trait::async_trait;
use cumulo_kernel::flow::{Flow, FlowReply, FlowRow, FlowState, Phase, Step, StepCx};
use cumulo_schema::{ErrorCode, Json, Timestamp, Uuid};
use cumulo_testnode::TestNode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::thing::install;

/// The context of a flow that does nothing, in two steps of which the chain has one.
#[derive(Debug, Serialize, Deserialize)]
struct Idle {
    resource: Uuid,
    host: Uuid,
    password: String,
}

impl Flow for Idle {
    const NAME: &'static str = "idle";
    fn resource(&self) -> Uuid {
        self.resource
    }
    fn reply(&self) -> FlowReply {
        FlowReply::Empty
    }
}

struct Wait;

#[async_trait]
impl Step<Idle> for Wait {
    fn name(&self) -> &'static str {
        "wait"
    }
    fn describe(&self) -> &'static str {
        "does nothing"
    }
    async fn run(&self, _: &mut StepCx<Idle>) -> Result<(), ErrorCode> {
        Ok(())
    }
    async fn undo(&self, _: &mut StepCx<Idle>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// A node with a flow that is parked at `step`.
async fn parked_at(step: &str) -> (TestNode, FlowRow) {
    let node = TestNode::start_with("[idle]\nidle = ['wait']", |setup| {
        install(setup);
        setup.step(Wait);
    })
    .await;
    let context = Idle { resource: Uuid::random(), host: Uuid::random(), password: "sealed".to_owned() };
    let row = FlowRow {
        uuid: Uuid::random(),
        flow: "idle".to_owned(),
        chain: "idle".to_owned(),
        version: 1,
        resource_uuid: context.resource,
        job_uuid: None,
        node_uuid: node.kernel().node(),
        state: FlowState::Parked,
        phase: Phase::Running,
        step: step.to_owned(),
        context: Json(serde_json::to_value(&context).expect("JSON")),
        error: Some(Json(ErrorCode::internal("it is parked"))),
        steps: Some(Json(vec!["dream".to_owned(), "wait".to_owned()])),
        foretold: None,
        skipped: None,
        decided_by: None,
        trace_uuid: None,
        deadline: None,
        create_date: Timestamp::now(),
        last_op_date: Timestamp::now(),
    };
    let mut batch = node.kernel().db().batch();
    batch.insert(&row);
    node.kernel().db().commit(batch).await.expect("written");
    (node, row)
}

async fn act(node: &TestNode, flow: &FlowRow, action: &str) -> Result<Value, ErrorCode> {
    node.inventory("PUT", &format!("/flows/{}/actions", flow.uuid), json!({ action: {} })).await
}

async fn plan(node: &TestNode, flow: &FlowRow, action: &str) -> Value {
    let planned = json!({ action: { "dryRun": true } });
    let target = format!("/flows/{}/actions", flow.uuid);
    node.call("PUT", &target, planned).await.expect("planned")["plan"].take()
}

/// What a plan touches of flows, and the names of its steps.
fn outline(plan: &Value) -> (usize, Vec<&str>) {
    let touched = plan["resources"].as_array().expect("a list").iter();
    let flows = touched.filter(|touched| touched["resource"] == "FlowVO" && touched["effect"] == "changed").count();
    let steps = plan["steps"].as_array().expect("a list").iter();
    (flows, steps.map(|step| step["name"].as_str().expect("a name")).collect())
}

#[tokio::test]
async fn a_flow_is_found_without_what_it_knows_and_by_the_admin_only() {
    let (mut node, row) = parked_at("wait").await;
    let found = node.query(&format!("/flows?q=state=Parked&q=resourceUuid={}", row.resource_uuid)).await;
    let (flow, shown) = (&found[0], found[0].to_string());
    assert_eq!((found.len(), &flow["step"], &flow["phase"]), (1, &json!("wait"), &json!("Running")));
    assert_eq!((&flow["steps"], &flow["error"]["details"]), (&json!(["dream", "wait"]), &json!("it is parked")));
    assert!(!shown.contains("sealed") && flow.get("context").is_none(), "{shown}");
    node.use_session(Uuid::random().to_string());
    let refused = node.call("GET", "/flows", Value::Null).await.expect_err("an account is not asked");
    assert_eq!(refused.code, "ID.1002");
}

#[tokio::test]
async fn a_parked_flow_is_tried_again() {
    let (node, row) = parked_at("wait").await;
    let planned = plan(&node, &row, "retryFlow").await;
    assert_eq!(outline(&planned), (1, vec!["wait", "write"]), "{planned}");
    let refused = act(&node, &row, "skipFlowStep").await.expect_err("the step is known");
    assert!(refused.details.contains("RetryFlow"), "{refused}");
    assert_eq!(act(&node, &row, "retryFlow").await.expect("tried")["state"], "Done");
    let refused = act(&node, &row, "retryFlow").await.expect_err("it is decided");
    assert_eq!(refused.code, "SYS.1006");
    let vetoes = plan(&node, &row, "abandonFlow").await["vetoes"].take();
    assert!(vetoes[0]["details"].as_str().is_some_and(|text| text.contains("Done")), "{vetoes}");
}

#[tokio::test]
async fn a_step_that_nobody_knows_is_skipped() {
    let (node, row) = parked_at("dream").await;
    act(&node, &row, "retryFlow").await.expect_err("the step is unknown");
    let planned = plan(&node, &row, "skipFlowStep").await;
    assert_eq!(outline(&planned), (1, vec!["wait", "write"]), "{planned}");
    let flow = act(&node, &row, "skipFlowStep").await.expect("skipped");
    assert_eq!((&flow["state"], &flow["skipped"]), (&json!("Done"), &json!(["dream"])));
}

#[tokio::test]
async fn a_flow_is_abandoned_and_its_error_says_what_is_left_where() {
    let (node, row) = parked_at("wait").await;
    let planned = plan(&node, &row, "abandonFlow").await;
    assert_eq!(outline(&planned), (1, vec!["abandon", "write"]), "{planned}");
    assert_eq!(node.query("/flows?q=state=Parked").await.len(), 1, "a plan changes nothing");
    let flow = act(&node, &row, "abandonFlow").await.expect("abandoned");
    let left = &flow["error"]["opaque"]["left"];
    assert_eq!(flow["state"], "Failed");
    assert_eq!(
        left[1],
        json!({ "step": "wait", "resourceUuid": row.resource_uuid, "hostUuids": [row.context.0["host"]] })
    );
    assert!(!flow.to_string().contains("sealed"), "{flow}");
}
