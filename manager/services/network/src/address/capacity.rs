//! `GetIpAddressCapacity`: how many addresses there are and how many are left.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{GetIpAddressCapacity, GetIpAddressCapacityReply},
    resource::{IpRange, L3Network, Zone},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde_json::{Value, json};

use super::{
    pool::{PoolRange, spans_of},
    space::{MOST, Space},
};
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

    /// At most what every client's JSON holds.
    fn add(self, other: Self) -> Self {
        let sum = |one: i64, other: i64| one.saturating_add(other).min(MOST);
        Self { total: sum(self.total, other.total), used: sum(self.used, other.used) }
    }
}

/// Of both versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    ipv4: Count,
    ipv6: Count,
}

impl Counts {
    fn add(self, other: Self) -> Self {
        Self { ipv4: self.ipv4.add(other.ipv4), ipv6: self.ipv6.add(other.ipv6) }
    }

    fn of(self, resource: Uuid) -> Value {
        let (all, v4, v6) = (self.ipv4.add(self.ipv6), self.ipv4, self.ipv6);
        json!({
            "resourceUuid": resource,
            "totalCapacity": all.total,
            "availableCapacity": all.available(),
            "usedIpAddressNumber": all.used,
            "ipv4TotalCapacity": v4.total,
            "ipv4AvailableCapacity": v4.available(),
            "ipv4UsedIpAddressNumber": v4.used,
            "ipv6TotalCapacity": v6.total,
            "ipv6AvailableCapacity": v6.available(),
            "ipv6UsedIpAddressNumber": v6.used,
        })
    }
}

#[async_trait]
impl HandleApi<GetIpAddressCapacity> for Networks {
    async fn handle(&self, _: &ApiCx, api: GetIpAddressCapacity) -> Result<GetIpAddressCapacityReply, ErrorCode> {
        let (kind, counts) = self.counts(&api).await?;
        let sum = counts.iter().fold(Counts::default(), |sum, (_, count)| sum.add(*count));
        let (all, v4, v6) = (sum.ipv4.add(sum.ipv6), sum.ipv4, sum.ipv6);
        Ok(GetIpAddressCapacityReply {
            total_capacity: Some(all.total),
            available_capacity: Some(all.available()),
            used_ip_address_number: Some(all.used),
            ipv4_total_capacity: Some(v4.total),
            ipv4_available_capacity: Some(v4.available()),
            ipv4_used_ip_address_number: Some(v4.used),
            ipv6_total_capacity: Some(v6.total),
            ipv6_available_capacity: Some(v6.available()),
            ipv6_used_ip_address_number: Some(v6.used),
            capacity_data: counts.iter().map(|(uuid, count)| count.of(*uuid)).collect(),
            resource_type: Some(kind.to_owned()),
        })
    }
}

impl Networks {
    /// By the narrowest resource that was named; `all` means every L3 network unless zones were named.
    async fn counts(&self, api: &GetIpAddressCapacity) -> Result<(&'static str, Vec<(Uuid, Counts)>), ErrorCode> {
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
                let sum = self.count_l3s(&l3s).await?.iter().fold(Counts::default(), |sum, (_, count)| sum.add(*count));
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

    async fn count_l3s(&self, l3s: &[Uuid]) -> Result<Vec<(Uuid, Counts)>, ErrorCode> {
        let mut counts = Vec::new();
        for l3 in l3s {
            let mut sum = Counts::default();
            for range in store::ranges(self.kernel.db(), *l3).await? {
                sum = sum.add(self.count_range(&range).await?);
            }
            counts.push((*l3, sum));
        }
        Ok(counts)
    }

    async fn count_range(&self, range: &IpRange) -> Result<Counts, ErrorCode> {
        let db = self.kernel.db();
        let reserved = store::reserved(db, range.l3_network_uuid).await?;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let used = number(store::count_used(db, range.uuid).await?);
        Ok(match range.ip_version {
            6 => {
                let total = Space::new([range], &reserved)?.total();
                Counts { ipv6: Count { total, used }, ..Counts::default() }
            }
            _ => {
                let total = number(PoolRange::of(range)?.usable(&spans_of(&reserved)?).len());
                Counts { ipv4: Count { total, used }, ..Counts::default() }
            }
        })
    }
}
