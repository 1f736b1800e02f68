//! `GetL3NetworkRouterInterfaceIp` and `SetL3NetworkRouterInterfaceIp`: which address a router of the system takes where
//! the gateway of the ranges is another machine's. A system tag on the L3 network; without it, the gateway.

use std::{collections::HashMap, net::Ipv4Addr, sync::Arc};

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3_guest::{
        GetL3NetworkRouterInterfaceIp, GetL3NetworkRouterInterfaceIpReply, SetL3NetworkRouterInterfaceIp,
        SetL3NetworkRouterInterfaceIpReply,
    },
    resource::{IpRange, L3Network},
};
use cumulo_kernel::{
    Setup,
    api::{ApiCx, HandleApi},
    tag::TagDef,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::{
    Networks,
    address::pool_of,
    ipv4::{self, Subnet},
    range::NORMAL,
    store,
};

const ROUTER_INTERFACE: TagDef = TagDef {
    resource: L3Network::META.vo,
    pattern: "routerInterfaceIp::{routerInterfaceIp}",
    doc: "The address that a router of the system takes on this L3 network.",
    check: check_address,
};

fn check_address(tokens: &HashMap<String, String>) -> Result<(), String> {
    let ip = &tokens["routerInterfaceIp"];
    ip.parse::<Ipv4Addr>().map(drop).map_err(|_| format!("'{ip}' is no IPv4 address"))
}

pub(crate) fn install(setup: &mut Setup, networks: &Arc<Networks>) {
    setup
        .tags(&[ROUTER_INTERFACE])
        .api::<GetL3NetworkRouterInterfaceIp>(networks.clone())
        .api::<SetL3NetworkRouterInterfaceIp>(networks.clone());
}

#[async_trait]
impl HandleApi<GetL3NetworkRouterInterfaceIp> for Networks {
    async fn handle(
        &self,
        _: &ApiCx,
        api: GetL3NetworkRouterInterfaceIp,
    ) -> Result<GetL3NetworkRouterInterfaceIpReply, ErrorCode> {
        let db = self.kernel.db();
        let said = ROUTER_INTERFACE.on(db, api.l3_network_uuid).await?;
        let said = said.and_then(|mut tokens| tokens.remove("routerInterfaceIp"));
        let router_interface_ip = match said {
            Some(ip) => Some(ip),
            None => self.guest_ranges(api.l3_network_uuid).await?.into_iter().next().map(|range| range.gateway),
        };
        Ok(GetL3NetworkRouterInterfaceIpReply { router_interface_ip })
    }
}

#[async_trait]
impl HandleApi<SetL3NetworkRouterInterfaceIp> for Networks {
    async fn handle(
        &self,
        _: &ApiCx,
        api: SetL3NetworkRouterInterfaceIp,
    ) -> Result<SetL3NetworkRouterInterfaceIpReply, ErrorCode> {
        let (db, l3) = (self.kernel.db(), api.l3_network_uuid);
        let address = ipv4::address("routerInterfaceIp", &api.router_interface_ip)?;
        self.check_router_interface(l3, address).await?;
        let tag = ROUTER_INTERFACE.instantiate(&[("routerInterfaceIp", &address.to_string())]);
        store::set_tag(db, &ROUTER_INTERFACE, l3, tag).await?;
        Ok(SetL3NetworkRouterInterfaceIpReply {})
    }
}

impl Networks {
    async fn guest_ranges(&self, l3: Uuid) -> Result<Vec<IpRange>, ErrorCode> {
        let mut ranges = store::ranges(self.kernel.db(), l3).await?;
        ranges.retain(|range| range.ip_version == 4 && range.ip_range_type == NORMAL);
        Ok(ranges)
    }

    /// It must be an address of the network that no guest has or can be given.
    async fn check_router_interface(&self, l3: Uuid, address: Ipv4Addr) -> Result<(), ErrorCode> {
        let ranges = self.guest_ranges(l3).await?;
        let subnets: Vec<Subnet> =
            ranges.iter().map(|range| Subnet::parse(&range.network_cidr)).collect::<Result<_, _>>()?;
        if !subnets.iter().any(|subnet| subnet.machines().contains(address.to_bits())) {
            return Err(ErrorCode::invalid(format!(
                "routerInterfaceIp {address} is no address of a machine in the network of an IP range of L3 network {l3}"
            )));
        }
        if let Some(held) = store::used_ip_at(self.kernel.db(), l3, &address.to_string()).await? {
            let details = format!("routerInterfaceIp {address} is taken already, as {}; choose another", held.uuid);
            return Err(ErrorCode::invalid(details));
        }
        match pool_of(self.kernel.db(), l3).await?.fits(address.to_bits()) {
            Ok(()) => Err(ErrorCode::invalid(format!(
                "routerInterfaceIp {address} could be given to a guest; keep it back with AddReservedIpRange first"
            ))),
            // Outside of the ranges, or kept back.
            Err(_) => Ok(()),
        }
    }
}
