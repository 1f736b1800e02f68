//! `AbandonFlow`: what the flow did stays, and is in the answer.

use async_trait::async_trait;
use cumulo_contracts::api::flow::AbandonFlow;
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    flow::Decision,
};
use cumulo_schema::{ErrorCode, Inventory, system::Flow};

use super::Flows;

#[async_trait]
impl HandleApi<AbandonFlow> for Flows {
    async fn handle(&self, cx: &ApiCx, api: AbandonFlow) -> Result<Inventory<Flow>, ErrorCode> {
        self.decide(cx, api.uuid, Decision::Abandon).await
    }
}
