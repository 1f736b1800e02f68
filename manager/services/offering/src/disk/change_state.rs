//! `ChangeDiskOfferingState`: of a disabled offering nothing new is made.

use async_trait::async_trait;
use cumulo_contracts::{
    api::offering::ChangeDiskOfferingState,
    resource::{DiskOffering, ResourceState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::DiskOfferings;

#[async_trait]
impl HandleApi<ChangeDiskOfferingState> for DiskOfferings {
    async fn handle(&self, cx: &ApiCx, api: ChangeDiskOfferingState) -> Result<Inventory<DiskOffering>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => ResourceState::Enabled,
            _ => ResourceState::Disabled,
        };
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<DiskOffering>(&api.uuid).await
    }
}
