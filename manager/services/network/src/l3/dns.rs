//! `AddDnsToL3Network` and `RemoveDnsFromL3Network`. A name server that is there, or gone, already is fine.

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{AddDnsToL3Network, RemoveDnsFromL3Network},
    resource::{L3Network, L3NetworkDns},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Networks, ipv4::short, store};

#[async_trait]
impl HandleApi<AddDnsToL3Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: AddDnsToL3Network) -> Result<Inventory<L3Network>, ErrorCode> {
        let l3 = api.l3_network_uuid;
        let dns = server(&api.dns)?;
        if dns.is_unspecified() || dns.is_multicast() || dns == Ipv4Addr::BROADCAST {
            return Err(ErrorCode::invalid(format!("dns {dns} cannot be the address of a name server")));
        }
        let now = cx.now();
        let row = L3NetworkDns { l3_network_uuid: l3, dns: dns.to_string(), create_date: now, last_op_date: now };
        match store::insert(self.kernel.db(), &row).await {
            Err(DbError::Conflict { .. }) => {}
            added => {
                added?;
                self.refresh_services(l3).await?;
            }
        }
        cx.inventory::<L3Network>(&l3).await
    }
}

#[async_trait]
impl HandleApi<RemoveDnsFromL3Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: RemoveDnsFromL3Network) -> Result<Inventory<L3Network>, ErrorCode> {
        let l3 = api.l3_network_uuid;
        let dns = server(&api.dns)?;
        store::remove_dns(self.kernel.db(), l3, &dns.to_string()).await?;
        self.refresh_services(l3).await?;
        cx.inventory::<L3Network>(&l3).await
    }
}

/// Of either version: a network of one may have servers that are reached by the other.
fn server(text: &str) -> Result<IpAddr, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::invalid(format!("dns '{}' is no IP address", short(text))))
}
