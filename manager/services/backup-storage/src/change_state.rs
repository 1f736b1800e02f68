//! `ChangeBackupStorageState`: a disabled backup storage takes no new images; those it has can be used.

use async_trait::async_trait;
use cumulo_contracts::{
    api::backup_storage::ChangeBackupStorageState,
    resource::{BackupStorage, ResourceState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::BackupStorages;

#[async_trait]
impl HandleApi<ChangeBackupStorageState> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: ChangeBackupStorageState) -> Result<Inventory<BackupStorage>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => ResourceState::Enabled,
            _ => ResourceState::Disabled,
        };
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<BackupStorage>(&api.uuid).await
    }
}
