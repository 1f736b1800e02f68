//! Bridges: the door ([`Network`]), the kernel behind it, and a fake.

#[cfg(feature = "sim")]
mod fake;
mod moving;
mod netlink;
mod real;
mod vlan;

use async_trait::async_trait;

#[cfg(feature = "sim")]
pub use fake::{FakeBridge, FakeNetwork};
pub(crate) use netlink::{Link, Netlink, address_ip};
pub use real::KernelNetwork;

use crate::{HostError, IfName};

/// A network device of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Whether it is switched on.
    pub up: bool,
    /// The bridge it is a port of.
    pub bridge: Option<String>,
    /// Largest packet.
    pub mtu: u32,
    /// Its address, with colons.
    pub mac: String,
}

/// The door to the host's bridges.
#[async_trait]
pub trait Network: Send + Sync {
    /// A device, where the host has it.
    async fn interface(&self, name: &IfName) -> Result<Option<Interface>, HostError>;
    /// Makes sure `bridge` is a bridge with `nic` as a port. What the NIC was to the host (addresses, routes) the bridge
    /// becomes, without losing connections.
    async fn ensure_bridge(&self, bridge: &IfName, nic: &IfName, mtu: Option<u32>) -> Result<(), HostError>;
    /// Makes sure the VLAN `id` of `nic` is there and on, as the device `device`.
    async fn ensure_vlan(&self, device: &IfName, nic: &IfName, id: u16) -> Result<(), HostError>;
    /// Makes sure that device is gone, unless somebody else made it.
    async fn remove_vlan(&self, device: &IfName) -> Result<(), HostError>;
    /// Makes sure `bridge` is gone and the NIC is what it was before. Refused while something else is connected.
    async fn remove_bridge(&self, bridge: &IfName, nic: &IfName) -> Result<(), HostError>;
}
