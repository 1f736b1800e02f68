//! `RetryFlow`: the management node knows the step by now. The answer comes when the flow has ended.

use async_trait::async_trait;
use cumulo_contracts::api::flow::RetryFlow;
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    flow::Decision,
};
use cumulo_schema::{ErrorCode, Inventory, system::Flow};

use super::Flows;

#[async_trait]
impl HandleApi<RetryFlow> for Flows {
    async fn handle(&self, cx: &ApiCx, api: RetryFlow) -> Result<Inventory<Flow>, ErrorCode> {
        self.decide(cx, api.uuid, Decision::Retry).await
    }
}
