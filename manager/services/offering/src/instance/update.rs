//! `UpdateInstanceOffering`.

use async_trait::async_trait;
use cumulo_contracts::{api::offering::UpdateInstanceOffering, resource::InstanceOffering};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::{InstanceOfferings, check_strategy};

#[async_trait]
impl HandleApi<UpdateInstanceOffering> for InstanceOfferings {
    async fn handle(&self, cx: &ApiCx, api: UpdateInstanceOffering) -> Result<Inventory<InstanceOffering>, ErrorCode> {
        api.allocator_strategy.as_deref().map_or(Ok(()), check_strategy)?;
        self.store.update(&api).await?;
        cx.inventory::<InstanceOffering>(&api.uuid).await
    }
}
