//! `CheckIpAvailability`.

use async_trait::async_trait;
use cumulo_contracts::api::l3::{CheckIpAvailability, CheckIpAvailabilityReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

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
        let reason = self.why_not(&api).await?;
        Ok(CheckIpAvailabilityReply { available: reason.is_none(), reason })
    }
}

impl Networks {
    async fn why_not(&self, api: &CheckIpAvailability) -> Result<Option<String>, ErrorCode> {
        let (db, l3) = (self.kernel.db(), api.l3_network_uuid);
        if store::l3(db, l3).await?.ip_version == 6 {
            return self.why_not_ipv6(api).await;
        }
        let address = ipv4::address("ip", &api.ip)?;
        if let Some(row) = store::used_ip_at(db, l3, &address.to_string()).await? {
            return Ok(Some(format!("{address} is taken by {}", holder_of(&row))));
        }
        Ok(match pool_of(db, l3).await?.fits(address.to_bits()) {
            Err(Unfit::Excluded) => {
                Some(format!("{address} is reserved, or the address of the network, its gateway or broadcast"))
            }
            Err(_) if api.ip_range_check => Some(format!("{address} lies in no IP range of the L3 network")),
            Ok(()) | Err(_) => None,
        })
    }

    async fn why_not_ipv6(&self, api: &CheckIpAvailability) -> Result<Option<String>, ErrorCode> {
        let (db, l3) = (self.kernel.db(), api.l3_network_uuid);
        let address = ipv6::address("ip", &api.ip)?;
        if let Some(row) = store::used_ip_at(db, l3, &address.to_string()).await? {
            return Ok(Some(format!("{address} is taken by {}", holder_of(&row))));
        }
        Ok(match Space::of(db, l3).await?.fits(address.to_bits()) {
            Err(Unfit::Excluded) => Some(format!("{address} is reserved, or the address of the gateway")),
            Err(_) if api.ip_range_check => Some(format!("{address} lies in no IP range of the L3 network")),
            Ok(_) | Err(_) => None,
        })
    }
}
