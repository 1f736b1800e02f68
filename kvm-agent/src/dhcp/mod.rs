//! DHCP per L3 network: what should be served ([`L3State`], kept by [`Networks`]), and the door that serves it.
//!
//! Each L3 network with DHCP has a network namespace on each host, connected to the bridge by a veth pair; in it run
//! dnsmasq, which answers only the VMs it was told of, and the metadata service. Namespaces, since two L3 networks may
//! use the same addresses, and since the host itself should not be reachable over its customers' networks.

mod dnsmasq;
#[cfg(feature = "sim")]
mod fake;
mod isolation;
mod namespace;
mod networks;
mod real;
mod server;
mod state;

use async_trait::async_trait;

pub(crate) use dnsmasq::METADATA_IP;
#[cfg(feature = "sim")]
pub use fake::FakeDhcp;
use namespace::Namespace;
pub use networks::Networks;
pub use real::NamespacedDhcp;
pub(crate) use real::namespace;
pub use state::{DhcpEntry, DhcpNetwork, HostRoute, L3State, UserdataEntry};

use crate::{HostError, ObjectId};

/// The door to DHCP servers.
#[async_trait]
pub trait Dhcp: Send + Sync {
    /// Makes DHCP of one network as `state` says, whatever it was before.
    async fn apply(&self, state: &L3State) -> Result<(), HostError>;
    /// Whether a server runs. Cheap, and does not look at what it serves.
    fn runs(&self, l3: &ObjectId) -> bool;
    /// Makes sure there is none.
    async fn remove(&self, l3: &ObjectId) -> Result<(), HostError>;
}
