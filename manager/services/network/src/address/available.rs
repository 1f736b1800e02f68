//! `CheckIpAvailability`, and the same question of other services.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{CheckIpAvailability, CheckIpAvailabilityReply},
    message::network::ExplainIp,
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    bus::Handle,
};
use cumulo_schema::{ErrorCode, Uuid};

use super::{
    holder_of,
    pool::{Unfit, pool_of},
    space::Space,
};
use crate::{Networks, ipv4, ipv6, store};

#[async_trait]
impl HandleApi<CheckIpAvailability> for Networks {
    async fn handle(&self, _: &ApiCx, api: CheckIpAvailability) -> Result<CheckIpAvailabilityReply, ErrorCode> {
        if api.arp_check {
            return Err(ErrorCode::invalid("arpCheck is not served: no host is asked to look for the address"));
        }
        let reason = self.why_not(api.l3_network_uuid, &api.ip, api.ip_range_check).await?;
        Ok(CheckIpAvailabilityReply { available: reason.is_none(), reason })
    }
}

#[async_trait]
impl Handle<ExplainIp> for Networks {
    async fn handle(&self, ask: ExplainIp) -> Result<Option<String>, ErrorCode> {
        self.why_not(ask.l3, &ask.ip, true).await
    }
}

impl Networks {
    /// Why `ip` cannot be taken. One outside of all ranges can, unless `in_range`.
    async fn why_not(&self, l3: Uuid, ip: &str, in_range: bool) -> Result<Option<String>, ErrorCode> {
        let db = self.kernel.db();
        if store::l3(db, l3).await?.ip_version == 6 {
            return self.why_not_ipv6(l3, ip, in_range).await;
        }
        let address = ipv4::address("ip", ip)?;
        if let Some(row) = store::used_ip_at(db, l3, &address.to_string()).await? {
            return Ok(Some(format!("{address} is taken by {}", holder_of(&row))));
        }
        Ok(match pool_of(db, l3).await?.fits(address.to_bits()) {
            Err(Unfit::Excluded) => {
                Some(format!("{address} is reserved, or the address of the network, its gateway or broadcast"))
            }
            Err(_) if in_range => Some(format!("{address} lies in no IP range of the L3 network")),
            Ok(()) | Err(_) => None,
        })
    }

    async fn why_not_ipv6(&self, l3: Uuid, ip: &str, in_range: bool) -> Result<Option<String>, ErrorCode> {
        let db = self.kernel.db();
        let address = ipv6::address("ip", ip)?;
        if let Some(row) = store::used_ip_at(db, l3, &address.to_string()).await? {
            return Ok(Some(format!("{address} is taken by {}", holder_of(&row))));
        }
        Ok(match Space::of(db, l3).await?.fits(address.to_bits()) {
            Err(Unfit::Excluded) => Some(format!("{address} is reserved, or the address of the gateway")),
            Err(_) if in_range => Some(format!("{address} lies in no IP range of the L3 network")),
            Ok(_) | Err(_) => None,
        })
    }
}
