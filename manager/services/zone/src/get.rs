//! `GetZone`: a zone by its id, or all of them. A zone that is gone is an empty list, as in a query.

use async_trait::async_trait;
use cumulo_contracts::{
    api::zone::{GetZone, GetZoneReply},
    resource::Zone,
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Select},
};
use cumulo_schema::{ErrorCode, Resource};
use serde_json::Value;

use crate::Zones;

#[async_trait]
impl HandleApi<GetZone> for Zones {
    async fn handle(&self, cx: &ApiCx, api: GetZone) -> Result<GetZoneReply, ErrorCode> {
        let mut select = Select::of(Zone::META);
        if let Some(uuid) = api.uuid {
            select.filter = Filter::equals("uuid", uuid);
        }
        let found = self.kernel.query().run(&cx.caller, &select).await?;
        Ok(GetZoneReply { inventories: found.inventories.into_iter().flatten().map(Value::Object).collect() })
    }
}
