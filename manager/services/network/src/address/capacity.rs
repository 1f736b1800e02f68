//! `GetIpAddressCapacity`: how many addresses there are and how many are left.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{GetIpAddressCapacity, GetIpAddressCapacityReply},
    resource::{IpRange, L3Network, Zone},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde_json::{Value, json};

use super::pool::{PoolRange, spans_of};
use crate::{Networks, store};

/// Counted addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    total: i64,
    used: i64,
}

impl Count {
    fn available(self) -> i64 {
        (self.total - self.used).max(0)
    }

    fn add(self, other: Self) -> Self {
        Self { total: self.total + other.total, used: self.used + other.used }
    }

    fn of(self, resource: Uuid) -> Value {
        json!({
            "resourceUuid": resource,
            "totalCapacity": self.total,
            "availableCapacity": self.available(),
            "usedIpAddressNumber": self.used,
            "ipv4TotalCapacity": self.total,
            "ipv4AvailableCapacity": self.available(),
            "ipv4UsedIpAddressNumber": self.used,
            "ipv6TotalCapacity": 0,
            "ipv6AvailableCapacity": 0,
            "ipv6UsedIpAddressNumber": 0,
        })
    }
}

#[async_trait]
impl HandleApi<GetIpAddressCapacity> for Networks {
    async fn handle(&self, _: &ApiCx, api: GetIpAddressCapacity) -> Result<GetIpAddressCapacityReply, ErrorCode> {
        let (kind, counts) = self.counts(&api).await?;
        let sum = counts.iter().fold(Count::default(), |sum, (_, count)| sum.add(*count));
        Ok(GetIpAddressCapacityReply {
            total_capacity: Some(sum.total),
            available_capacity: Some(sum.available()),
            used_ip_address_number: Some(sum.used),
            ipv4_total_capacity: Some(sum.total),
            ipv4_available_capacity: Some(sum.available()),
            ipv4_used_ip_address_number: Some(sum.used),
            ipv6_total_capacity: Some(0),
            ipv6_available_capacity: Some(0),
            ipv6_used_ip_address_number: Some(0),
            capacity_data: counts.iter().map(|(uuid, count)| count.of(*uuid)).collect(),
            resource_type: Some(kind.to_owned()),
        })
    }
}

impl Networks {
    /// By the narrowest resource that was named; `all` means every L3 network unless zones were named.
    async fn counts(&self, api: &GetIpAddressCapacity) -> Result<(&'static str, Vec<(Uuid, Count)>), ErrorCode> {
        let db = self.kernel.db();
        let named = |list: &Option<Vec<Uuid>>| list.clone().filter(|list| !list.is_empty());
        if let Some(ranges) = named(&api.ip_range_uuids) {
            let mut counts = Vec::new();
            for range in ranges {
                counts.push((range, self.count_range(&store::range(db, range).await?).await?));
            }
            return Ok((IpRange::META.vo, counts));
        }
        if let Some(l3s) = named(&api.l3_network_uuids) {
            return Ok((L3Network::META.vo, self.count_l3s(&l3s).await?));
        }
        if let Some(zones) = named(&api.zone_uuids) {
            let mut counts = Vec::new();
            for zone in zones {
                let l3s: Vec<Uuid> = store::l3s_of_zone(db, zone).await?.iter().map(|l3| l3.uuid).collect();
                let sum = self.count_l3s(&l3s).await?.iter().fold(Count::default(), |sum, (_, count)| sum.add(*count));
                counts.push((zone, sum));
            }
            return Ok((Zone::META.vo, counts));
        }
        if api.all {
            let l3s: Vec<Uuid> = store::all_l3s(db).await?.iter().map(|l3| l3.uuid).collect();
            return Ok((L3Network::META.vo, self.count_l3s(&l3s).await?));
        }
        Err(ErrorCode::invalid("one of zoneUuids, l3NetworkUuids, ipRangeUuids and all must be given"))
    }

    async fn count_l3s(&self, l3s: &[Uuid]) -> Result<Vec<(Uuid, Count)>, ErrorCode> {
        let mut counts = Vec::new();
        for l3 in l3s {
            let mut sum = Count::default();
            for range in store::ranges(self.kernel.db(), *l3).await? {
                sum = sum.add(self.count_range(&range).await?);
            }
            counts.push((*l3, sum));
        }
        Ok(counts)
    }

    async fn count_range(&self, range: &IpRange) -> Result<Count, ErrorCode> {
        let db = self.kernel.db();
        let reserved = spans_of(&store::reserved(db, range.l3_network_uuid).await?)?;
        let total = PoolRange::of(range)?.usable(&reserved).len();
        let used = store::count_used(db, range.uuid).await?;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Count { total: number(total), used: number(used) })
    }
}
