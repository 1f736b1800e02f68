//! `ChangeInstanceOfferingState`: of a disabled offering nothing new is made.

use async_trait::async_trait;
use cumulo_contracts::{
    api::offering::ChangeInstanceOfferingState,
    resource::{InstanceOffering, ResourceState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::InstanceOfferings;

#[async_trait]
impl HandleApi<ChangeInstanceOfferingState> for InstanceOfferings {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: ChangeInstanceOfferingState,
    ) -> Result<Inventory<InstanceOffering>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => ResourceState::Enabled,
            _ => ResourceState::Disabled,
        };
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<InstanceOffering>(&api.uuid).await
    }
}
