//! `ReconnectHost`: with the agent brought up to date.

use async_trait::async_trait;
use cumulo_contracts::{api::host::ReconnectHost, message::host::ConnectHost, resource::Host};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Hosts;

#[async_trait]
impl HandleApi<ReconnectHost> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: ReconnectHost) -> Result<Inventory<Host>, ErrorCode> {
        self.kernel.bus().call(ConnectHost { host: api.uuid, deploy: true }).await?;
        cx.inventory::<Host>(&api.uuid).await
    }
}
