//! `ChangeAccessKeyState` and `DeleteAccessKey`. Both hold for the next call that is signed with the key.

use async_trait::async_trait;
use cumulo_contracts::{
    api::access_key::{ChangeAccessKeyState, DeleteAccessKey},
    resource::{AccessKey, ResourceState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Inventory, Resource};

use crate::Identity;

#[async_trait]
impl HandleApi<ChangeAccessKeyState> for Identity {
    async fn handle(&self, cx: &ApiCx, api: ChangeAccessKeyState) -> Result<Inventory<AccessKey>, ErrorCode> {
        let state = if api.state_event == "enable" { ResourceState::Enabled } else { ResourceState::Disabled };
        self.store.set_access_key_state(api.uuid, state).await?;
        cx.inventory::<AccessKey>(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<DeleteAccessKey> for Identity {
    async fn handle(&self, _: &ApiCx, api: DeleteAccessKey) -> Result<Empty, ErrorCode> {
        self.kernel.cascade().remove(AccessKey::META, &[api.uuid]).await?;
        Ok(Empty {})
    }
}
