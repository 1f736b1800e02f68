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
    ipv6, made_before, store,
};

#[async_trait]
impl HandleApi<AddReservedIpRange> for Networks {
    async fn handle(&self, cx: &ApiCx, api: AddReservedIpRange) -> Result<Inventory<ReservedIpRange>, ErrorCode> {
        let l3 = store::l3(self.kernel.db(), api.l3_network_uuid).await?;
        let lane = format!("reserved-ip-ranges:{}", l3.uuid);
        match l3.ip_version {
            6 => {
                let span = ipv6::Span::parse(&api.start_ip, &api.end_ip)?;
                self.kernel.alone(&lane, self.reserve_ipv6(cx, l3.uuid, span)).await?;
            }
            _ => {
                let span = Span::parse(&api.start_ip, &api.end_ip)?;
                self.kernel.alone(&lane, self.reserve(cx, l3.uuid, span)).await?;
            }
        }
        cx.inventory::<ReservedIpRange>(&cx.resource_uuid).await
    }
}

#[async_trait]
impl HandleApi<DeleteReservedIpRange> for Networks {
    async fn handle(&self, _: &ApiCx, api: DeleteReservedIpRange) -> Result<Empty, ErrorCode> {
        let db = self.kernel.db();
        if let Some(row) = db.find(ReservedIpRange::UUID, &api.uuid).await? {
            self.kernel.cascade().remove(ReservedIpRange::META, &[api.uuid]).await?;
            self.forget_pool(row.l3_network_uuid);
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
        self.record_reserved(cx, l3, span.ends(), 4).await
    }

    async fn reserve_ipv6(&self, cx: &ApiCx, l3: Uuid, span: ipv6::Span) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let subnets = store::ranges(db, l3).await?;
        let subnets: Vec<ipv6::Subnet> =
            subnets.iter().map(|range| ipv6::Subnet::parse(&range.network_cidr)).collect::<Result<_, _>>()?;
        let inside = |subnet: &ipv6::Subnet| {
            let machines = subnet.machines();
            machines.contains(span.first) && machines.contains(span.last)
        };
        if !subnets.iter().any(inside) {
            return Err(ErrorCode::invalid(format!(
                "{span} does not lie in the network of an IP range of L3 network {l3}"
            )));
        }
        for other in store::reserved(db, l3).await? {
            if other.uuid == cx.resource_uuid {
                return Ok(());
            }
            if span.overlaps(ipv6::Span::stored(&other.start_ip, &other.end_ip)?) {
                return Err(ErrorCode::invalid(format!(
                    "{span} overlaps with {}-{}, reserved already ({})",
                    other.start_ip, other.end_ip, other.uuid
                )));
            }
        }
        self.record_reserved(cx, l3, span.ends(), 6).await
    }

    async fn record_reserved(
        &self,
        cx: &ApiCx,
        l3: Uuid,
        (start_ip, end_ip): (String, String),
        ip_version: i32,
    ) -> Result<(), ErrorCode> {
        let now = cx.now();
        let row = ReservedIpRange {
            uuid: cx.resource_uuid,
            l3_network_uuid: l3,
            name: format!("{start_ip}-{end_ip}"),
            description: None,
            start_ip,
            end_ip,
            ip_version,
            create_date: now,
            last_op_date: now,
        };
        let inserted = store::insert(self.kernel.db(), &row).await;
        self.forget_pool(l3);
        match inserted {
            Err(DbError::Conflict { .. }) => made_before::<ReservedIpRange>(row.uuid, false),
            inserted => Ok(inserted?),
        }
    }
}
