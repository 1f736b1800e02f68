//! `ChangeZoneState`: a disabled zone takes nothing new; what runs in it goes on.

use async_trait::async_trait;
use cumulo_contracts::{
    api::zone::ChangeZoneState,
    resource::{ResourceState, Zone},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Zones;

#[async_trait]
impl HandleApi<ChangeZoneState> for Zones {
    async fn handle(&self, cx: &ApiCx, api: ChangeZoneState) -> Result<Inventory<Zone>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => ResourceState::Enabled,
            _ => ResourceState::Disabled,
        };
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<Zone>(&api.uuid).await
    }
}
