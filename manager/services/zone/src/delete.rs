//! `DeleteZone`: the zone and all that hangs on it, leaves first.

use async_trait::async_trait;
use cumulo_contracts::{api::zone::DeleteZone, resource::Zone};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::Zones;

#[async_trait]
impl HandleApi<DeleteZone> for Zones {
    async fn handle(&self, cx: &ApiCx, api: DeleteZone) -> Result<Empty, ErrorCode> {
        self.kernel.cascade().delete(Zone::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for Zones {
    async fn affected(&self, _: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Zones hang on nothing.
        Ok(vec![])
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        Ok(self.kernel.cascade().remove(Zone::META, work.uuids).await?)
    }
}
