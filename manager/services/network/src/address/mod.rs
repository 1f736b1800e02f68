//! Addresses: taking one for a NIC or a service, changing it, giving it back, and telling what is free.

mod allocate;
mod allocate_ipv6;
mod available;
mod capacity;
mod dhcp_ip;
mod free;
mod list_free;
mod move_ip;
mod pool;
mod ranges_changed;
mod release;
mod space;
mod statistic;

use std::net::Ipv4Addr;

use cumulo_contracts::resource::UsedIp;
use cumulo_kernel::config::{ConfigDef, ConfigRule};
use cumulo_schema::{ErrorCode, Uuid};

pub(crate) use pool::{Pools, pool_of};
pub(crate) use ranges_changed::RangesChanged;

use crate::ipv4;

/// Any free address, so that one just given back is unlikely to be the next.
const RANDOM: &str = "RandomIpAllocatorStrategy";
/// The lowest free address.
const FIRST: &str = "FirstAvailableIpAllocatorStrategy";

/// How addresses are chosen where the caller does not say.
pub(crate) const STRATEGY: ConfigDef = ConfigDef {
    category: "l3Network",
    name: "ipAllocateStrategy",
    description: "How an address is chosen for a NIC: any free one, or the lowest",
    default: RANDOM,
    rule: ConfigRule::OneOf(&[FIRST, RANDOM]),
};

/// What a holder wants.
#[derive(Debug)]
struct Wish {
    strategy: String,
    /// This very address.
    wanted: Option<String>,
}

/// Which address is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Random,
    First,
    This(u32),
}

impl Choice {
    fn of(strategy: &str, wanted: Option<&str>) -> Result<Self, ErrorCode> {
        match (wanted, strategy) {
            (Some(text), _) => Ok(Self::This(ipv4::address("the wanted address", text)?.to_bits())),
            (None, RANDOM) => Ok(Self::Random),
            (None, FIRST) => Ok(Self::First),
            (None, other) => Err(ErrorCode::invalid(format!(
                "there is no strategy '{}' to allocate addresses; there is: {RANDOM}, {FIRST}",
                ipv4::short(other)
            ))),
        }
    }
}

/// Who wants an address.
#[derive(Debug, Clone)]
pub(crate) enum Holder {
    Nic(Uuid),
    /// A service of the network itself.
    Service(String),
}

impl Holder {
    /// The id of the row that says so: known beforehand, so that a holder never has two addresses of one network.
    pub(crate) fn row(&self, l3: Uuid) -> Uuid {
        match self {
            Self::Nic(nic) => nic.derive(&format!("address/{l3}")),
            Self::Service(name) => l3.derive(&format!("service-address/{name}")),
        }
    }
}

impl Holder {
    /// As a row names it: the NIC, or the service.
    fn named(&self) -> (Option<Uuid>, Option<String>) {
        match self {
            Self::Nic(nic) => (Some(*nic), None),
            Self::Service(name) => (None, Some(name.clone())),
        }
    }
}

/// Addresses as the database has them, for texts.
fn text(address: u32) -> String {
    Ipv4Addr::from_bits(address).to_string()
}

/// What holds an address, for people.
fn holder_of(row: &UsedIp) -> String {
    match (&row.vm_nic_uuid, &row.used_for) {
        (Some(nic), _) => format!("the NIC {nic}"),
        (None, Some(service)) => format!("the {service} service of the network"),
        (None, None) => "something else".to_owned(),
    }
}
