//! `AddSimulatorBackupStorage`: there is no machine to reach, so recording it is all, in one batch and without a flow.

use async_trait::async_trait;
use cumulo_contracts::{
    api::backup_storage::AddSimulatorBackupStorage,
    resource::{BackupStorage, ResourceState, StorageStatus},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{
    BackupStorages,
    add_sftp::{check_type, refuse_import, taken},
};

const TYPE: &str = "SimulatorBackupStorage";

#[async_trait]
impl HandleApi<AddSimulatorBackupStorage> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: AddSimulatorBackupStorage) -> Result<Inventory<BackupStorage>, ErrorCode> {
        check_type(api.r#type.as_deref(), TYPE)?;
        refuse_import(api.import_images)?;
        let (free, all) = (api.available_capacity, api.total_capacity);
        if all < 0 || !(0..=all).contains(&free) {
            return Err(ErrorCode::invalid(format!(
                "field[availableCapacity] must be between 0 and field[totalCapacity], which must not be negative; they are \
                 {free} and {all}"
            )));
        }
        self.driver(TYPE)?;
        let now = cx.now();
        let storage = BackupStorage {
            uuid: cx.resource_uuid,
            name: api.name,
            url: api.url,
            description: api.description,
            total_capacity: all,
            available_capacity: free,
            r#type: TYPE.to_owned(),
            state: ResourceState::Enabled,
            status: StorageStatus::Connected,
            create_date: now,
            last_op_date: now,
        };
        match self.store.insert(cx, &storage).await {
            Err(DbError::Conflict { .. }) => self.made_before(&storage).await?,
            inserted => inserted?,
        }
        cx.inventory::<BackupStorage>(&storage.uuid).await
    }
}

impl BackupStorages {
    /// The id is taken: by this very call, run again after a crash, or by another storage whose id the client chose.
    async fn made_before(&self, storage: &BackupStorage) -> Result<(), ErrorCode> {
        match self.store.find(storage.uuid).await? {
            Some(there)
                if (&there.name, &there.url, &there.r#type) == (&storage.name, &storage.url, &storage.r#type) =>
            {
                Ok(())
            }
            _ => Err(taken(storage.uuid)),
        }
    }
}
