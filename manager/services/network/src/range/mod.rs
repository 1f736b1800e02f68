//! Ranges of addresses of L3 networks, and addresses in them that are never given out.

mod add;
mod add_ipv6;
mod delete;
mod reserved;
mod update;

pub(crate) use delete::Ranges;

/// The type of ranges whose addresses are for guests.
pub(crate) const NORMAL: &str = "Normal";
/// The type of ranges whose addresses are for the network itself: virtual addresses of routers.
const ADDRESS_POOL: &str = "AddressPool";
