//! `ChangeL3NetworkState`: a disabled network gives out no new address.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::ChangeL3NetworkState,
    resource::{L3Network, ResourceState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Networks, store};

#[async_trait]
impl HandleApi<ChangeL3NetworkState> for Networks {
    async fn handle(&self, cx: &ApiCx, api: ChangeL3NetworkState) -> Result<Inventory<L3Network>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => ResourceState::Enabled,
            _ => ResourceState::Disabled,
        };
        store::set_l3_state(self.kernel.db(), api.uuid, state).await?;
        cx.inventory::<L3Network>(&api.uuid).await
    }
}
