//! Flows, and what becomes of those that nobody knows how to go on with.

mod abandon;
mod retry;
mod skip;

use std::sync::Arc;

use cumulo_contracts::api::flow::{AbandonFlow, QueryFlow, RetryFlow, SkipFlowStep};
use cumulo_kernel::{Kernel, Setup, api::ApiCx, flow::Decision};
use cumulo_schema::{Api, ErrorCode, Inventory, Uuid, system::Flow};

/// Answers the APIs of flows.
struct Flows {
    kernel: Kernel,
}

impl Flows {
    /// Decides what becomes of `flow`, and answers with what it came to.
    async fn decide(&self, cx: &ApiCx, flow: Uuid, decision: Decision) -> Result<Inventory<Flow>, ErrorCode> {
        self.kernel.decide_flow(flow, decision, cx.job).await?;
        cx.inventory(&flow).await
    }
}

pub(crate) fn install(setup: &mut Setup) {
    let flows = Arc::new(Flows { kernel: setup.kernel().clone() });
    setup.api::<RetryFlow>(flows.clone()).api::<SkipFlowStep>(flows.clone()).api::<AbandonFlow>(flows);
    setup.query(QueryFlow::META);
}
