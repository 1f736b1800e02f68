//! `AddSimulatorPrimaryStorage`: space that there is not. Volumes are counted on it as on any other.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::AddSimulatorPrimaryStorage,
    resource::{PrimaryStorage, PrimaryStorageState, StorageStatus},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{PrimaryStorages, add_local::check_type};

const TYPE: &str = "SimulatorPrimaryStorage";

#[async_trait]
impl HandleApi<AddSimulatorPrimaryStorage> for PrimaryStorages {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: AddSimulatorPrimaryStorage,
    ) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        check_type(api.r#type.as_deref(), TYPE)?;
        check("availableCapacity", api.available_capacity, "totalCapacity", api.total_capacity)?;
        let (free, all) = (api.available_physical_capacity, api.total_physical_capacity);
        check("availablePhysicalCapacity", free, "totalPhysicalCapacity", all)?;
        self.driver(TYPE)?;
        let now = cx.now();
        let storage = PrimaryStorage {
            uuid: cx.resource_uuid,
            zone_uuid: api.zone_uuid,
            name: api.name,
            url: api.url.clone(),
            description: api.description,
            total_capacity: api.total_capacity,
            available_capacity: api.available_capacity,
            total_physical_capacity: api.total_physical_capacity,
            available_physical_capacity: api.available_physical_capacity,
            system_used_capacity: None,
            r#type: TYPE.to_owned(),
            state: PrimaryStorageState::Enabled,
            status: StorageStatus::Connected,
            mount_path: api.url,
            create_date: now,
            last_op_date: now,
        };
        match self.store.insert(cx, &storage).await {
            Err(DbError::Conflict { .. }) => self.made_before(&storage).await?,
            inserted => inserted?,
        }
        cx.inventory::<PrimaryStorage>(&storage.uuid).await
    }
}

/// A part of a whole is between nothing and all of it.
fn check(part: &str, free: i64, whole: &str, all: i64) -> Result<(), ErrorCode> {
    match all >= 0 && (0..=all).contains(&free) {
        true => Ok(()),
        false => Err(ErrorCode::invalid(format!(
            "field[{part}] must be between 0 and field[{whole}], which must not be negative; they are {free} and {all}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn no_more_is_free_than_there_is() {
        for (free, all) in [(0, 0), (0, 5), (5, 5)] {
            assert!(check("a", free, "b", all).is_ok(), "{free} of {all}");
        }
        for (free, all) in [(6, 5), (-1, 5), (-1, -1), (0, -1)] {
            assert!(check("a", free, "b", all).is_err(), "{free} of {all}");
        }
    }
}
