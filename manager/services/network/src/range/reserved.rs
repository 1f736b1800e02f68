//! `AddReservedIpRange` and `DeleteReservedIpRange`. What is in use keeps its address until it gives it back.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{AddReservedIpRange, DeleteReservedIpRange},
    resource::ReservedIpRange,
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{Empty, ErrorCode, Inventory, Resource, Uuid};

use crate::{
    Networks,
    ipv4::{Span, Subnet, stored},
    made_before, store,
};

#[async_trait]
impl HandleApi<AddReservedIpRange> for Networks {
    async fn handle(&self, cx: &ApiCx, api: AddReservedIpRange) -> Result<Inventory<ReservedIpRange>, ErrorCode> {
        let span = Span::parse(&api.start_ip, &api.end_ip)?;
        let lane = format!("reserved-ip-ranges:{}", api.l3_network_uuid);
        self.kernel.queues().run(&lane, 1, self.reserve(cx, api.l3_network_uuid, span)).await?;
        cx.inventory::<ReservedIpRange>(&cx.resource_uuid).await
    }
}

#[async_trait]
impl HandleApi<DeleteReservedIpRange> for Networks {
    async fn handle(&self, _: &ApiCx, api: DeleteReservedIpRange) -> Result<Empty, ErrorCode> {
        let db = self.kernel.db();
        if let Some(row) = db.find(ReservedIpRange::UUID, &api.uuid).await? {
            self.kernel.cascade().remove(ReservedIpRange::META, &[api.uuid]).await?;
            self.pools.forget(row.l3_network_uuid);
        }
        Ok(Empty {})
    }
}

impl Networks {
    async fn reserve(&self, cx: &ApiCx, l3: Uuid, span: Span) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let ranges = store::ranges(db, l3).await?;
        let subnets: Vec<Subnet> =
            ranges.iter().map(|range| Subnet::parse(&range.network_cidr)).collect::<Result<_, _>>()?;
        let inside = |subnet: &Subnet| span.first >= subnet.network() && span.last <= subnet.broadcast();
        if !subnets.iter().any(inside) {
            return Err(ErrorCode::invalid(format!(
                "{span} does not lie in the network of an IP range of L3 network {l3}"
            )));
        }
        for other in store::reserved(db, l3).await? {
            if other.uuid == cx.resource_uuid {
                return Ok(());
            }
            if span.overlaps(Span { first: stored(&other.start_ip)?, last: stored(&other.end_ip)? }) {
                return Err(ErrorCode::invalid(format!(
                    "{span} overlaps with {}-{}, reserved already ({})",
                    other.start_ip, other.end_ip, other.uuid
                )));
            }
        }
        let now = cx.now();
        let (start_ip, end_ip) = span.ends();
        let row = ReservedIpRange {
            uuid: cx.resource_uuid,
            l3_network_uuid: l3,
            name: span.to_string(),
            description: None,
            start_ip,
            end_ip,
            ip_version: 4,
            create_date: now,
            last_op_date: now,
        };
        let inserted = store::insert(db, &row).await;
        self.pools.forget(l3);
        match inserted {
            Err(DbError::Conflict { .. }) => made_before::<ReservedIpRange>(row.uuid, false),
            inserted => Ok(inserted?),
        }
    }
}
