//! What DHCP and metadata of one L3 network on this host should be: checked values only.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use cumulo_proto::kvm;
use serde::{Deserialize, Serialize};

use crate::{HostError, Hostname, IfName, Mac, ObjectId, names};

/// What should be served on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct L3State {
    /// The network.
    pub network: DhcpNetwork,
    /// Grows with every state the manager sends whole.
    pub generation: u64,
    /// By NIC.
    pub entries: BTreeMap<ObjectId, DhcpEntry>,
    /// By VM.
    pub userdata: BTreeMap<ObjectId, UserdataEntry>,
}

/// A network and its DHCP server's own address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpNetwork {
    /// Its uuid.
    pub l3: ObjectId,
    /// Where its VMs are.
    pub bridge: IfName,
    /// The bridge's port to other hosts.
    pub uplink: Option<IfName>,
    /// The server's own address.
    pub server: Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix: u8,
    /// Where guests send what is for elsewhere.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// Domain of the guests' names.
    pub domain: Option<Hostname>,
    /// Largest packet.
    pub mtu: Option<u32>,
    /// What guests reach through others than the gateway. States that older agents kept have none.
    #[serde(default)]
    pub routes: Vec<HostRoute>,
}

/// A route that guests are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRoute {
    /// Where to.
    pub destination: Ipv4Addr,
    /// Length of its prefix.
    pub prefix: u8,
    /// Through whom.
    pub next_hop: Ipv4Addr,
}

/// What one NIC gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpEntry {
    /// Its address on the wire.
    pub mac: Mac,
    /// The address it gets.
    pub ip: Ipv4Addr,
    /// The name it gets.
    pub hostname: Option<Hostname>,
    /// Its VM.
    pub vm: ObjectId,
    /// Whether it gets routes and name servers.
    pub default_route: bool,
}

/// What the metadata service tells one VM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserdataEntry {
    /// Who asks from here is the VM.
    pub ip: Ipv4Addr,
    /// Its name.
    pub hostname: Option<Hostname>,
    /// Its address on the wire.
    pub mac: Option<Mac>,
    /// What the user gave it.
    pub user_data: Vec<u8>,
    /// Public keys of its users.
    pub ssh_keys: Vec<String>,
    /// Name of its offering.
    pub instance_type: String,
}

impl fmt::Debug for UserdataEntry {
    // User data often holds passwords and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserdataEntry").field("ip", &self.ip).field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

impl DhcpNetwork {
    /// Checks a network from the wire.
    ///
    /// # Errors
    /// Says the first value that cannot be used.
    pub fn checked(network: Option<&kvm::DhcpNetwork>) -> Result<Self, HostError> {
        let network = network.ok_or(HostError::Lacks("the network"))?;
        let prefix = u8::try_from(network.prefix_len).ok().filter(|p| (8..=30).contains(p)).ok_or_else(|| {
            HostError::BadValue {
                value: network.prefix_len.to_string(),
                why: "a network with DHCP has a prefix of 8 to 30 bits",
            }
        })?;
        Ok(Self {
            l3: ObjectId::try_from(network.l3_uuid.as_str())?,
            bridge: IfName::try_from(network.bridge_name.as_str())?,
            uplink: names::optional(&network.physical_interface, IfName::try_from)?,
            server: names::address(&network.server_ip)?,
            prefix,
            gateway: names::optional(&network.gateway, names::address)?,
            dns: network.dns.iter().map(|d| names::address(d)).collect::<Result<_, _>>()?,
            domain: names::optional(&network.domain, Hostname::try_from)?,
            mtu: (network.mtu > 0).then_some(network.mtu),
            routes: network.routes.iter().map(HostRoute::checked).collect::<Result<_, _>>()?,
        })
    }

    /// The network's own address.
    pub fn base(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.server.to_bits() & self.mask().to_bits())
    }

    /// Its mask.
    pub fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(self.prefix)))
    }

    /// Whether an address belongs to it.
    pub fn contains(&self, ip: Ipv4Addr) -> bool {
        ip.to_bits() & self.mask().to_bits() == self.base().to_bits()
    }
}

impl HostRoute {
    /// Checks a route from the wire.
    ///
    /// # Errors
    /// Says the value that cannot be used.
    pub fn checked(route: &kvm::HostRoute) -> Result<Self, HostError> {
        let why = "a route goes to a network of the form 10.1.0.0/16";
        let wrong = || HostError::BadValue { value: route.prefix.clone(), why };
        let (destination, prefix) = route.prefix.split_once('/').ok_or_else(wrong)?;
        let prefix = prefix.parse().ok().filter(|prefix: &u8| *prefix <= 32).ok_or_else(wrong)?;
        Ok(Self { destination: names::address(destination)?, prefix, next_hop: names::address(&route.next_hop)? })
    }

    /// Whether it is where everything goes that has no other route.
    pub fn is_default(&self) -> bool {
        self.prefix == 0
    }
}

impl fmt::Display for HostRoute {
    /// As dnsmasq writes classless routes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{},{}", self.destination, self.prefix, self.next_hop)
    }
}

impl DhcpEntry {
    /// Checks an entry from the wire and says whose it is.
    ///
    /// # Errors
    /// Says the first value that cannot be used.
    pub fn checked(entry: &kvm::DhcpEntry, network: &DhcpNetwork) -> Result<(ObjectId, Self), HostError> {
        let ip = names::address(&entry.ip)?;
        if !network.contains(ip) || ip == network.server {
            let why = "it must be an address of the network and not its DHCP server's";
            return Err(HostError::BadValue { value: entry.ip.clone(), why });
        }
        let nic = ObjectId::try_from(entry.nic_uuid.as_str())?;
        Ok((
            nic,
            Self {
                mac: Mac::try_from(entry.mac.as_str())?,
                ip,
                hostname: names::optional(&entry.hostname, Hostname::try_from)?,
                vm: ObjectId::try_from(entry.vm_uuid.as_str())?,
                default_route: entry.default_route,
            },
        ))
    }
}

impl UserdataEntry {
    /// Checks an entry from the wire and says whose it is.
    ///
    /// # Errors
    /// Says the first value that cannot be used.
    pub fn checked(entry: &kvm::UserdataEntry) -> Result<(ObjectId, Self), HostError> {
        Ok((
            ObjectId::try_from(entry.vm_uuid.as_str())?,
            Self {
                ip: names::address(&entry.ip)?,
                hostname: names::optional(&entry.hostname, Hostname::try_from)?,
                mac: names::optional(&entry.mac, Mac::try_from)?,
                user_data: entry.user_data.clone(),
                ssh_keys: entry.ssh_keys.clone(),
                instance_type: entry.instance_type.clone(),
            },
        ))
    }
}

impl L3State {
    /// A network that serves nobody yet.
    pub fn empty(network: DhcpNetwork) -> Self {
        Self { network, generation: 0, entries: BTreeMap::new(), userdata: BTreeMap::new() }
    }

    /// Adds a NIC. An address has one owner: whoever had this MAC or IP before was removed and its removal got lost.
    pub fn add(&mut self, nic: ObjectId, entry: DhcpEntry) {
        self.entries.retain(|other, e| *other == nic || (e.mac != entry.mac && e.ip != entry.ip));
        self.entries.insert(nic, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_knows_its_addresses() {
        let wire = kvm::DhcpNetwork {
            l3_uuid: "0123456789abcdef0123456789abcdef".into(),
            bridge_name: "br0".into(),
            server_ip: "10.0.101.2".into(),
            prefix_len: 26,
            ..kvm::DhcpNetwork::default()
        };
        let network = DhcpNetwork::checked(Some(&wire)).unwrap();
        assert_eq!((network.base(), network.mask()), ([10, 0, 101, 0].into(), [255, 255, 255, 192].into()));
        assert!(network.contains([10, 0, 101, 63].into()) && !network.contains([10, 0, 101, 64].into()));
        assert!(DhcpNetwork::checked(Some(&kvm::DhcpNetwork { prefix_len: 33, ..wire.clone() })).is_err());
        assert!(DhcpNetwork::checked(Some(&kvm::DhcpNetwork { domain: "a\nb".into(), ..wire })).is_err());
    }
}
