//! `GetFreeIp`.

use std::net::{Ipv4Addr, Ipv6Addr};

use async_trait::async_trait;
use cumulo_contracts::api::l3::{GetFreeIp, GetFreeIpReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use super::{
    pool::PoolRange,
    space::{Space, SpaceRange, held},
    text,
};
use crate::{Networks, ipv4, ipv6, range::NORMAL, store};

/// Most addresses in one answer.
const MOST: usize = 10_000;

#[async_trait]
impl HandleApi<GetFreeIp> for Networks {
    async fn handle(&self, _: &ApiCx, api: GetFreeIp) -> Result<GetFreeIpReply, ErrorCode> {
        let limit = usize::try_from(api.limit).ok().filter(|limit| *limit > 0);
        let limit = limit.ok_or_else(|| ErrorCode::invalid("limit must be at least 1"))?.min(MOST);
        let (l3, range) = self.asked_for(&api).await?;
        let version = store::l3(self.kernel.db(), l3).await?.ip_version;
        // Guests get addresses of ranges of the normal type only.
        let none = api.ip_version.is_some_and(|asked| asked != version)
            || api.ip_range_type.as_deref().is_some_and(|kind| kind != NORMAL);
        let start = api.start.as_deref();
        let inventories = match version {
            _ if none => vec![],
            6 => {
                let from = start.map(|start| ipv6::address("start", start)).transpose()?;
                self.free_ipv6(l3, range, from.map_or(0, Ipv6Addr::to_bits), limit).await?
            }
            _ => {
                let from = start.map(|start| ipv4::address("start", start)).transpose()?;
                self.free(l3, range, from.map_or(0, Ipv4Addr::to_bits), limit).await?
            }
        };
        Ok(GetFreeIpReply { inventories })
    }
}

impl Networks {
    async fn asked_for(&self, api: &GetFreeIp) -> Result<(Uuid, Option<Uuid>), ErrorCode> {
        match (api.ip_range_uuid, api.l3_network_uuid) {
            (Some(range), _) => Ok((store::range(self.kernel.db(), range).await?.l3_network_uuid, Some(range))),
            (None, Some(l3)) => Ok((l3, None)),
            (None, None) => Err(ErrorCode::invalid("one of l3NetworkUuid and ipRangeUuid must be given")),
        }
    }

    async fn free(&self, l3: Uuid, range: Option<Uuid>, from: u32, limit: usize) -> Result<Vec<Value>, ErrorCode> {
        // Read anew: what another node took or gave back shows.
        self.pools.forget(l3);
        self.read_pool(l3).await?;
        let found = self.pools.with(l3, |pool| {
            let of_range = |found: &(u32, PoolRange)| range.is_none_or(|range| found.1.uuid == range);
            pool.free_from(from).filter(of_range).take(limit).collect::<Vec<_>>()
        });
        let inventory = |(address, range): (u32, PoolRange)| {
            json!({
                "ipRangeUuid": range.uuid,
                "ip": text(address),
                "netmask": range.subnet.netmask(),
                "gateway": text(range.gateway),
            })
        };
        Ok(found.unwrap_or_default().into_iter().map(inventory).collect())
    }

    async fn free_ipv6(
        &self,
        l3: Uuid,
        range: Option<Uuid>,
        from: u128,
        limit: usize,
    ) -> Result<Vec<Value>, ErrorCode> {
        let db = self.kernel.db();
        let (space, used) = (Space::of(db, l3).await?, held(&store::used_ips(db, l3).await?)?);
        let of_range = |found: &(u128, &SpaceRange)| range.is_none_or(|range| found.1.uuid == range);
        let inventory = |(address, range): (u128, &SpaceRange)| {
            json!({
                "ipRangeUuid": range.uuid,
                "ip": ipv6::text(address),
                "netmask": range.netmask,
                "gateway": range.gateway,
            })
        };
        Ok(space.free_from(from, &used).filter(of_range).take(limit).map(inventory).collect())
    }
}
