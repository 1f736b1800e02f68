//! `SkipFlowStep`: the step that nobody knows is left as it is. The answer comes when the flow has ended.

use async_trait::async_trait;
use cumulo_contracts::api::flow::SkipFlowStep;
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    flow::Decision,
};
use cumulo_schema::{ErrorCode, Inventory, system::Flow};

use super::Flows;

#[async_trait]
impl HandleApi<SkipFlowStep> for Flows {
    async fn handle(&self, cx: &ApiCx, api: SkipFlowStep) -> Result<Inventory<Flow>, ErrorCode> {
        self.decide(cx, api.uuid, Decision::Skip).await
    }
}
