//! `UpdateZone`.

use async_trait::async_trait;
use cumulo_contracts::{api::zone::UpdateZone, resource::Zone};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Zones;

#[async_trait]
impl HandleApi<UpdateZone> for Zones {
    async fn handle(&self, cx: &ApiCx, api: UpdateZone) -> Result<Inventory<Zone>, ErrorCode> {
        self.store.update(&api).await?;
        cx.inventory::<Zone>(&api.uuid).await
    }
}
