//! `UpdateDiskOffering`.

use async_trait::async_trait;
use cumulo_contracts::{api::offering::UpdateDiskOffering, resource::DiskOffering};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::DiskOfferings;

#[async_trait]
impl HandleApi<UpdateDiskOffering> for DiskOfferings {
    async fn handle(&self, cx: &ApiCx, api: UpdateDiskOffering) -> Result<Inventory<DiskOffering>, ErrorCode> {
        self.store.update(&api).await?;
        cx.inventory::<DiskOffering>(&api.uuid).await
    }
}
