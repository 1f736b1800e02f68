//! `ChangePrimaryStorageState`: a storage that is not enabled takes no new volumes; those it has go on.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::ChangePrimaryStorageState,
    resource::{PrimaryStorage, PrimaryStorageState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::{PrimaryStorages, detach::named};

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
            self.refuse_busy(api.uuid).await?;
        }
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<PrimaryStorage>(&api.uuid).await
    }
}

impl PrimaryStorages {
    async fn refuse_busy(&self, uuid: cumulo_schema::Uuid) -> Result<(), ErrorCode> {
        let busy = self.store.busy_vms(uuid, None).await?;
        if busy.is_empty() {
            return Ok(());
        }
        let storage = self.store.get(uuid).await?;
        Err(ErrorCode::new(
            codes::CHANGE_RESOURCE_STATE,
            format!(
                "primary storage {}[uuid:{uuid}] cannot be maintained while VMs use it: {}; stop them first",
                storage.name,
                named(&busy)
            ),
        ))
    }
}
