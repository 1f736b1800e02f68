//! `ChangeImageState`: nothing new starts from a disabled image.

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::ChangeImageState,
    resource::{Image, ResourceState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Images;

#[async_trait]
impl HandleApi<ChangeImageState> for Images {
    async fn handle(&self, cx: &ApiCx, api: ChangeImageState) -> Result<Inventory<Image>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => ResourceState::Enabled,
            _ => ResourceState::Disabled,
        };
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<Image>(&api.uuid).await
    }
}
