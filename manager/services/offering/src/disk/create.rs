//! `CreateDiskOffering`. Any account may make its own.

use async_trait::async_trait;
use cumulo_contracts::{
    api::offering::CreateDiskOffering,
    resource::{DiskOffering, ResourceState},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use super::DiskOfferings;

const TYPE: &str = "zstack";
/// The one way in which a primary storage is chosen for a volume.
const STRATEGY: &str = "DefaultPrimaryStorageAllocationStrategy";

#[async_trait]
impl HandleApi<CreateDiskOffering> for DiskOfferings {
    async fn handle(&self, cx: &ApiCx, api: CreateDiskOffering) -> Result<Inventory<DiskOffering>, ErrorCode> {
        if let Some(strategy) = api.allocation_strategy.as_deref().filter(|strategy| *strategy != STRATEGY) {
            let details = format!("there is no allocationStrategy '{strategy}'; there is: {STRATEGY}");
            return Err(ErrorCode::invalid(details));
        }
        let now = cx.now();
        let offering = DiskOffering {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            disk_size: api.disk_size,
            sort_key: api.sort_key,
            state: ResourceState::Enabled,
            r#type: TYPE.to_owned(),
            create_date: now,
            last_op_date: now,
            allocator_strategy: STRATEGY.to_owned(),
        };
        match self.store.insert(cx, &offering).await {
            Err(DbError::Conflict { .. }) => self.made_before(&offering).await?,
            inserted => inserted?,
        }
        cx.inventory::<DiskOffering>(&offering.uuid).await
    }
}

impl DiskOfferings {
    /// The id is taken: by this very call, run again after a crash, or by another offering whose id the client chose.
    async fn made_before(&self, offering: &DiskOffering) -> Result<(), ErrorCode> {
        match self.store.find(offering.uuid).await? {
            Some(there) if there.name == offering.name && there.disk_size == offering.disk_size => Ok(()),
            _ => {
                let details = format!("disk offering {} exists already; choose another resourceUuid", offering.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
        }
    }
}
