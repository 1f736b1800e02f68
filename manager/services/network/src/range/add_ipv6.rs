//! `AddIpv6Range` and `AddIpv6RangeByNetworkCidr`, for L3 networks of IPv6. A guest with both versions has a NIC on a
//! network of each, which may share an L2 network.

use async_trait::async_trait;
use cumulo_contracts::{
    api::ipv6::{AddIpv6Range, AddIpv6RangeByNetworkCidr, AddIpv6RangeByNetworkCidrReply},
    resource::{IpRange, L3Network},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use super::{ADDRESS_POOL, NORMAL};
use crate::{
    Networks,
    ipv6::{RangePlan, Span, text},
    made_before, store,
};

/// Guests make addresses of their own, by their MAC.
const SLAAC: &str = "SLAAC";

/// What both APIs say of the new range beside its addresses.
struct NewRange {
    l3: Uuid,
    name: String,
    description: Option<String>,
    kind: String,
    mode: String,
}

#[async_trait]
impl HandleApi<AddIpv6Range> for Networks {
    async fn handle(&self, cx: &ApiCx, api: AddIpv6Range) -> Result<Inventory<IpRange>, ErrorCode> {
        let new = NewRange {
            l3: api.l3_network_uuid,
            name: api.name,
            description: api.description,
            kind: api.ip_range_type.unwrap_or_else(|| NORMAL.to_owned()),
            mode: api.address_mode,
        };
        let pool = new.kind == ADDRESS_POOL;
        let plan = RangePlan::from_ends(&api.start_ip, &api.end_ip, api.prefix_len, &api.gateway, pool)?;
        self.add_ipv6_range(cx, &new, plan).await?;
        cx.inventory::<IpRange>(&cx.resource_uuid).await
    }
}

#[async_trait]
impl HandleApi<AddIpv6RangeByNetworkCidr> for Networks {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: AddIpv6RangeByNetworkCidr,
    ) -> Result<AddIpv6RangeByNetworkCidrReply, ErrorCode> {
        let new = NewRange {
            l3: api.l3_network_uuid,
            name: api.name,
            description: api.description,
            kind: api.ip_range_type.unwrap_or_else(|| NORMAL.to_owned()),
            mode: api.address_mode,
        };
        let plan = RangePlan::from_cidr(&api.network_cidr, new.kind == ADDRESS_POOL)?;
        self.add_ipv6_range(cx, &new, plan).await?;
        let inventory = cx.inventory::<IpRange>(&cx.resource_uuid).await?.inventory;
        Ok(AddIpv6RangeByNetworkCidrReply { inventory: Some(inventory.clone()), inventories: vec![inventory] })
    }
}

impl Networks {
    async fn add_ipv6_range(&self, cx: &ApiCx, new: &NewRange, plan: RangePlan) -> Result<(), ErrorCode> {
        let l3 = store::l3(self.kernel.db(), new.l3).await?;
        if l3.ip_version != 6 {
            return Err(ErrorCode::invalid(format!(
                "L3 network '{}' is of IPv{}, and a NIC has one address of a network; make one with ipVersion=6 on the \
                 same L2 network",
                l3.name, l3.ip_version
            )));
        }
        if new.mode == SLAAC {
            return Err(ErrorCode::invalid(
                "addressMode SLAAC lets guests choose addresses that are not known here; use Stateful-DHCP",
            ));
        }
        // As ranges of IPv4: of two that overlap the second is refused.
        let lane = format!("ip-ranges:{}", l3.l2_network_uuid);
        self.kernel.alone(&lane, self.add_ipv6_checked(cx, new, &l3, plan)).await
    }

    async fn add_ipv6_checked(
        &self,
        cx: &ApiCx,
        new: &NewRange,
        l3: &L3Network,
        plan: RangePlan,
    ) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let neighbours = store::l3s_of_l2s(db, &[l3.l2_network_uuid]).await?;
        let neighbours: Vec<Uuid> = neighbours.iter().map(|l3| l3.uuid).collect();
        let ranges = store::ranges_of(db, &neighbours).await?;
        if let Some(there) = ranges.iter().find(|range| range.uuid == cx.resource_uuid) {
            return made_before::<IpRange>(there.uuid, there.name == new.name && there.l3_network_uuid == new.l3);
        }
        check_beside(&ranges, new, plan)?;
        let now = cx.now();
        let row = IpRange {
            uuid: cx.resource_uuid,
            l3_network_uuid: new.l3,
            name: new.name.clone(),
            description: new.description.clone(),
            start_ip: text(plan.span.first),
            end_ip: text(plan.span.last),
            netmask: plan.subnet.netmask(),
            gateway: text(plan.gateway),
            network_cidr: plan.subnet.to_string(),
            ip_version: 6,
            address_mode: Some(new.mode.clone()),
            prefix_len: i32::from(plan.subnet.prefix()),
            ip_range_type: new.kind.clone(),
            create_date: now,
            last_op_date: now,
        };
        let mut batch = db.batch();
        batch.insert(&row);
        cx.created::<IpRange>(&mut batch);
        match db.commit(batch).await {
            Err(DbError::Conflict { .. }) => made_before::<IpRange>(row.uuid, false),
            Err(DbError::Reference { .. }) => {
                Err(ErrorCode::operation(format!("L3 network '{}' was deleted in the meantime", l3.name)))
            }
            inserted => Ok(inserted.map(drop)?),
        }
    }
}

/// Whether a new range can stand beside those that the L2 network has.
fn check_beside(ranges: &[IpRange], new: &NewRange, plan: RangePlan) -> Result<(), ErrorCode> {
    for other in ranges.iter().filter(|other| other.ip_version == 6) {
        let span = Span::stored(&other.start_ip, &other.end_ip)?;
        if span.overlaps(plan.span) {
            return Err(ErrorCode::invalid(format!(
                "the range {} overlaps with {span}, the IP range '{}' ({}) on the same L2 network",
                plan.span, other.name, other.uuid
            )));
        }
        let guests = other.ip_range_type == NORMAL && new.kind == NORMAL && other.l3_network_uuid == new.l3;
        let (cidr, gateway) = (plan.subnet.to_string(), text(plan.gateway));
        if guests && (other.network_cidr != cidr || other.gateway != gateway) {
            return Err(ErrorCode::invalid(format!(
                "the range is in {cidr} with the gateway {gateway}, but the L3 network has {} with {}; take the same, or \
                 make another L3 network",
                other.network_cidr, other.gateway
            )));
        }
    }
    Ok(())
}
