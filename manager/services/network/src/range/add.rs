//! `AddIpRange` and `AddIpRangeByNetworkCidr`.

use std::net::Ipv4Addr;

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{AddIpRange, AddIpRangeByNetworkCidr, AddIpRangeByNetworkCidrReply},
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
    ipv4::{RangePlan, Span, stored},
    made_before, store,
};

/// What both APIs say of the new range beside its addresses.
struct NewRange {
    l3: Uuid,
    name: String,
    description: Option<String>,
    kind: String,
}

impl NewRange {
    fn is_pool(&self) -> bool {
        self.kind == ADDRESS_POOL
    }
}

#[async_trait]
impl HandleApi<AddIpRange> for Networks {
    async fn handle(&self, cx: &ApiCx, api: AddIpRange) -> Result<Inventory<IpRange>, ErrorCode> {
        let new = NewRange {
            l3: api.l3_network_uuid,
            name: api.name,
            description: api.description,
            kind: api.ip_range_type.unwrap_or_else(|| NORMAL.to_owned()),
        };
        let (gateway, pool) = (api.gateway.as_deref(), new.is_pool());
        let plan = RangePlan::from_ends(&api.start_ip, &api.end_ip, &api.netmask, gateway, pool)?;
        self.add_range(cx, &new, plan).await?;
        cx.inventory::<IpRange>(&cx.resource_uuid).await
    }
}

#[async_trait]
impl HandleApi<AddIpRangeByNetworkCidr> for Networks {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: AddIpRangeByNetworkCidr,
    ) -> Result<AddIpRangeByNetworkCidrReply, ErrorCode> {
        let new = NewRange {
            l3: api.l3_network_uuid,
            name: api.name,
            description: api.description,
            kind: api.ip_range_type.unwrap_or_else(|| NORMAL.to_owned()),
        };
        let plan = RangePlan::from_cidr(&api.network_cidr, api.gateway.as_deref(), new.is_pool())?;
        self.add_range(cx, &new, plan).await?;
        let inventory = cx.inventory::<IpRange>(&cx.resource_uuid).await?.inventory;
        Ok(AddIpRangeByNetworkCidrReply { inventory: Some(inventory.clone()), inventories: vec![inventory] })
    }
}

impl Networks {
    async fn add_range(&self, cx: &ApiCx, new: &NewRange, plan: RangePlan) -> Result<(), ErrorCode> {
        let l3 = store::l3(self.kernel.db(), new.l3).await?;
        if l3.ip_version != 4 {
            let details = format!("L3 network '{}' is of IPv{}; this range is of IPv4", l3.name, l3.ip_version);
            return Err(ErrorCode::invalid(details));
        }
        // One after another per L2 network, so that of two ranges that overlap the second is refused.
        let lane = format!("ip-ranges:{}", l3.l2_network_uuid);
        self.kernel.alone(&lane, self.add_checked(cx, new, &l3, plan)).await
    }

    async fn add_checked(&self, cx: &ApiCx, new: &NewRange, l3: &L3Network, plan: RangePlan) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let neighbours = store::l3s_of_l2s(db, &[l3.l2_network_uuid]).await?;
        let neighbours: Vec<Uuid> = neighbours.iter().map(|l3| l3.uuid).collect();
        let ranges = store::ranges_of(db, &neighbours).await?;
        if let Some(there) = ranges.iter().find(|range| range.uuid == cx.resource_uuid) {
            return made_before::<IpRange>(there.uuid, there.name == new.name && there.l3_network_uuid == new.l3);
        }
        check_beside(&ranges, new, plan)?;
        let now = cx.now();
        let text = |address| Ipv4Addr::from_bits(address).to_string();
        let row = IpRange {
            uuid: cx.resource_uuid,
            l3_network_uuid: new.l3,
            name: new.name.clone(),
            description: new.description.clone(),
            start_ip: text(plan.span.first),
            end_ip: text(plan.span.last),
            netmask: plan.subnet.netmask().to_string(),
            gateway: text(plan.gateway),
            network_cidr: plan.subnet.to_string(),
            ip_version: 4,
            address_mode: None,
            prefix_len: i32::from(plan.subnet.prefix()),
            ip_range_type: new.kind.clone(),
            create_date: now,
            last_op_date: now,
        };
        let mut batch = db.batch();
        batch.insert(&row);
        cx.created::<IpRange>(&mut batch);
        let inserted = db.commit(batch).await;
        self.forget_pool(new.l3);
        match inserted {
            Err(DbError::Conflict { .. }) => made_before::<IpRange>(row.uuid, false),
            Err(DbError::Reference { .. }) => {
                Err(ErrorCode::operation(format!("L3 network '{}' was deleted in the meantime", l3.name)))
            }
            inserted => {
                inserted?;
                self.prepare_services_again(new.l3).await;
                Ok(())
            }
        }
    }
}

/// Whether a new range can stand beside those that the L2 network has.
fn check_beside(ranges: &[IpRange], new: &NewRange, plan: RangePlan) -> Result<(), ErrorCode> {
    for other in ranges.iter().filter(|other| other.ip_version == 4) {
        let span = Span { first: stored(&other.start_ip)?, last: stored(&other.end_ip)? };
        if span.overlaps(plan.span) {
            return Err(ErrorCode::invalid(format!(
                "the range {} overlaps with {span}, the IP range '{}' ({}) on the same L2 network",
                plan.span, other.name, other.uuid
            )));
        }
    }
    // Guests of one L3 network share one gateway, and its DHCP server has one address.
    let brother = ranges.iter().find(|other| other.l3_network_uuid == new.l3 && other.ip_range_type == NORMAL);
    let Some(brother) = brother.filter(|_| !new.is_pool()) else { return Ok(()) };
    let (cidr, gateway) = (plan.subnet.to_string(), Ipv4Addr::from_bits(plan.gateway).to_string());
    if brother.network_cidr != cidr {
        return Err(ErrorCode::invalid(format!(
            "the range is in {cidr}, but the L3 network has a range in {} already ({}); make another L3 network for it",
            brother.network_cidr, brother.uuid
        )));
    }
    if brother.gateway != gateway {
        return Err(ErrorCode::invalid(format!(
            "the gateway {gateway} differs from {}, that of the IP range {} of the same L3 network",
            brother.gateway, brother.uuid
        )));
    }
    Ok(())
}
