//! Flows: the chains of steps by which resources change, what becomes of one that no build knows how to go on with, and
//! what happened to a resource.

use cumulo_derive::{api, reply};
use cumulo_schema::system::Flow;
use cumulo_schema::{Inventories, Inventory, Uuid};
use serde_json::Value;

/// Finds flows: those under way, the parked ones, and those that ended within a day.
#[api(query "/flows", group = "flow", service = "query", package = "org.cumulo.flow", admin, reply = Inventories<Flow>)]
pub struct QueryFlow;

/// Tries a parked flow again where it stands, once the management node knows its steps.
#[api(put "/flows/{uuid}/actions", group = "flow", service = "flow", package = "org.cumulo.flow", job, admin, reply = Inventory<Flow>)]
pub struct RetryFlow {
    /// The flow.
    #[param(resource = "FlowVO")]
    pub uuid: Uuid,
}

/// Lets a parked flow go on, or back, past a step that the management node does not know; what that did stays.
#[api(put "/flows/{uuid}/actions", group = "flow", service = "flow", package = "org.cumulo.flow", job, admin, reply = Inventory<Flow>)]
pub struct SkipFlowStep {
    /// The flow.
    #[param(resource = "FlowVO")]
    pub uuid: Uuid,
}

/// Ends a parked flow as failed; what it did stays, and its error says what that is.
#[api(put "/flows/{uuid}/actions", group = "flow", service = "flow", package = "org.cumulo.flow", job, admin, reply = Inventory<Flow>)]
pub struct AbandonFlow {
    /// The flow.
    #[param(resource = "FlowVO")]
    pub uuid: Uuid,
}

/// Answers what happened to a resource, in order: calls, their flows and steps, what agents were told, changes of state.
#[api(get "/resources/{uuid}/timeline", group = "flow", service = "flow", package = "org.cumulo.flow", reply = GetResourceTimelineReply)]
pub struct GetResourceTimeline {
    /// The resource; it may be gone.
    #[param(max_length = 32)]
    pub uuid: Uuid,
    /// How many calls, flows and changes of state at most; the latest.
    #[param(default = "1000", range(1, 10000))]
    pub limit: i32,
}

/// What [`GetResourceTimeline`] answers.
#[reply(members)]
pub struct GetResourceTimelineReply {
    /// What happened, the oldest first.
    #[member(of = "TimelineInventory")]
    pub inventories: Vec<Value>,
}
