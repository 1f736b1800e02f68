//! `ChangePrimaryStorageState`: a storage that is not enabled takes no new volumes; those it has go on. For
//! maintenance the VMs that use it are stopped.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::ChangePrimaryStorageState,
    resource::{PrimaryStorage, PrimaryStorageState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::PrimaryStorages;

#[async_trait]
impl HandleApi<ChangePrimaryStorageState> for PrimaryStorages {
    async fn handle(&self, cx: &ApiCx, api: ChangePrimaryStorageState) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => PrimaryStorageState::Enabled,
            "disable" => PrimaryStorageState::Disabled,
            "maintain" => PrimaryStorageState::Maintenance,
            _ => PrimaryStorageState::Deleting,
        };
        if state == PrimaryStorageState::Maintenance {
            let storage = self.store.get(api.uuid).await?;
            let reason = format!("primary storage '{}' goes into maintenance", storage.name);
            self.stop_users(storage.uuid, None, reason).await?;
        }
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<PrimaryStorage>(&api.uuid).await
    }
}
