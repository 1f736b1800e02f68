//! `CreateZone`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::zone::CreateZone,
    resource::{ResourceState, Zone},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::Zones;

/// The only type of zones there is.
const TYPE: &str = "zstack";

#[async_trait]
impl HandleApi<CreateZone> for Zones {
    async fn handle(&self, cx: &ApiCx, api: CreateZone) -> Result<Inventory<Zone>, ErrorCode> {
        let now = cx.now();
        let zone = Zone {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            state: ResourceState::Enabled,
            r#type: TYPE.to_owned(),
            is_default: api.is_default.unwrap_or(false),
            create_date: now,
            last_op_date: now,
        };
        match self.store.insert(cx, &zone).await {
            Err(DbError::Conflict { .. }) => self.made_before(&zone).await?,
            inserted => inserted?,
        }
        cx.inventory::<Zone>(&zone.uuid).await
    }
}

impl Zones {
    /// The id is taken: by this very call, run again after a crash, or by another zone whose id the client chose.
    async fn made_before(&self, zone: &Zone) -> Result<(), ErrorCode> {
        match self.store.find(zone.uuid).await? {
            Some(there) if there.name == zone.name => Ok(()),
            _ => {
                let details = format!("zone {} exists already; choose another resourceUuid", zone.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
        }
    }
}
