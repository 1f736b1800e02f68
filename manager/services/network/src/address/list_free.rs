//! `GetFreeIp`.

use async_trait::async_trait;
use cumulo_contracts::api::l3::{GetFreeIp, GetFreeIpReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use super::{pool::PoolRange, text};
use crate::{Networks, ipv4, range::NORMAL, store};

/// Most addresses in one answer.
const MOST: usize = 10_000;

#[async_trait]
impl HandleApi<GetFreeIp> for Networks {
    async fn handle(&self, _: &ApiCx, api: GetFreeIp) -> Result<GetFreeIpReply, ErrorCode> {
        let limit = usize::try_from(api.limit).ok().filter(|limit| *limit > 0);
        let limit = limit.ok_or_else(|| ErrorCode::invalid("limit must be at least 1"))?.min(MOST);
        let from = match &api.start {
            Some(start) => ipv4::address("start", start)?.to_bits(),
            None => 0,
        };
        // Guests get addresses of ranges of the normal type, and of version 4, only.
        let none = api.ip_version == Some(6) || api.ip_range_type.as_deref().is_some_and(|kind| kind != NORMAL);
        let inventories = match self.asked_for(&api).await? {
            _ if none => vec![],
            (l3, range) => self.free(l3, range, from, limit).await?,
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
}
