//! Moving what one device is to the host (addresses, routes) to another.
//!
//! In an order in which a connection over these addresses survives, and in which a crash in the middle leaves a host that
//! is reachable and a second call that finishes: first the addresses appear on the new device, then routes change over
//! one by one (a route is replaced, never missing), and only then do the addresses leave the old device.

use rtnetlink::packet_route::{
    AddressFamily,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope},
    route::{RouteAttribute, RouteMessage, RouteProtocol},
};
use tracing::info;

use super::netlink::{Link, Netlink, address_text};
use crate::HostError;

/// Moves addresses and routes of `from` to `to`, which must be up.
pub(super) async fn move_addresses(netlink: &Netlink, from: &Link, to: &Link) -> Result<(), HostError> {
    let addresses: Vec<_> = netlink.addresses(from).await?.into_iter().filter(is_movable).collect();
    let routes: Vec<_> = netlink.routes(from).await?.into_iter().filter(is_movable_route).collect();
    if addresses.is_empty() && routes.is_empty() {
        return Ok(());
    }
    for address in &addresses {
        let mut copy = address.clone();
        if copy.header.family == AddressFamily::Inet6 {
            skip_duplicate_detection(&mut copy);
        }
        netlink.copy_address(to, copy).await?;
    }
    // Routes to gateways depend on those to networks.
    let (via_gateway, direct): (Vec<_>, Vec<_>) = routes.into_iter().partition(has_gateway);
    for route in direct.into_iter().chain(via_gateway) {
        move_route(netlink, route, to).await?;
    }
    for address in addresses {
        info!(address = address_text(&address), from = from.name, to = to.name, "moved an address");
        netlink.remove_address(from, address).await?;
    }
    Ok(())
}

async fn move_route(netlink: &Netlink, old: RouteMessage, to: &Link) -> Result<(), HostError> {
    let mut new = old.clone();
    for attribute in &mut new.attributes {
        if let RouteAttribute::Oif(index) = attribute {
            *index = to.index;
        }
    }
    new.attributes.retain(|a| !matches!(a, RouteAttribute::CacheInfo(_)));
    new.header.flags = Default::default();
    netlink.replace_route(new).await?;
    if old.header.address_family == AddressFamily::Inet6 {
        // IPv6 keeps routes of several devices side by side; the old one may have gone with the new one's coming.
        _ = netlink.remove_route(old).await;
    }
    Ok(())
}

/// Link-local addresses belong to a device and are made anew on each.
fn is_movable(address: &AddressMessage) -> bool {
    address.header.scope != AddressScope::Link
}

/// Routes that the kernel makes for addresses come and go with those.
fn is_movable_route(route: &RouteMessage) -> bool {
    route.header.protocol != RouteProtocol::Kernel
}

fn has_gateway(route: &RouteMessage) -> bool {
    route.attributes.iter().any(|a| matches!(a, RouteAttribute::Gateway(_) | RouteAttribute::Via(_)))
}

/// The address is in use on this very host, so looking for duplicates would only make it unusable for a second.
fn skip_duplicate_detection(address: &mut AddressMessage) {
    let mut flags = AddressFlags::Nodad;
    address.attributes.retain(|attribute| match attribute {
        AddressAttribute::Flags(own) => {
            flags |= *own & (AddressFlags::Noprefixroute | AddressFlags::Managetempaddr);
            false
        }
        _ => true,
    });
    address.attributes.push(AddressAttribute::Flags(flags));
}
