//! Asked of the network service.

use cumulo_schema::{Uuid, message};
use serde::{Deserialize, Serialize};

/// Take an address of an L3 network for a NIC. Asking again for the same NIC answers the same address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AllocateIp {
    /// The NIC.
    pub nic: Uuid,
    /// The L3 network.
    pub l3: Uuid,
    /// This very address.
    pub wanted: Option<String>,
    /// `RandomIpAllocatorStrategy` or `FirstAvailableIpAllocatorStrategy`; random where absent.
    pub strategy: Option<String>,
}
message!(AllocateIp => IpLease, service = "network.l3", key = l3);

/// An address that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpLease {
    /// The `UsedIp`.
    pub used_ip: Uuid,
    /// The address.
    pub ip: String,
    /// Its netmask.
    pub netmask: String,
    /// The gateway of its range.
    pub gateway: String,
    /// Length of its prefix.
    pub prefix_len: i32,
    /// 4 or 6.
    pub ip_version: i32,
}

/// Give a NIC this very address of an L3 network, in place of the one it has there, which is free from then on. Without one
/// it takes it. Asking again answers the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MoveIp {
    /// The NIC.
    pub nic: Uuid,
    /// The L3 network.
    pub l3: Uuid,
    /// The address.
    pub to: String,
}
message!(MoveIp => IpLease, service = "network.l3", key = l3);

/// Why an address of an L3 network cannot be taken for a NIC; `None` where it can. Holds nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExplainIp {
    /// The L3 network.
    pub l3: Uuid,
    /// The address.
    pub ip: String,
}
message!(ExplainIp => Option<String>, service = "network.l3");

/// Give back every address that a NIC holds. None is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseIp {
    /// The NIC.
    pub nic: Uuid,
}
message!(ReleaseIp => (), service = "network.l3");

/// Give back the address that a NIC holds of one L3 network. None is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseIpOn {
    /// The NIC.
    pub nic: Uuid,
    /// The L3 network.
    pub l3: Uuid,
}
message!(ReleaseIpOn => (), service = "network.l3", key = l3);

/// As [`ReleaseIp`], for many NICs at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseIps {
    /// The NICs.
    pub nics: Vec<Uuid>,
}
message!(ReleaseIps => (), service = "network.l3");

/// Make L3 networks usable on a host: their L2 networks exist there. Repeatable; they stay when the VM goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PrepareNetworks {
    /// The host.
    pub host: Uuid,
    /// The L3 networks.
    pub l3s: Vec<Uuid>,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(PrepareNetworks => Vec<NetworkOnHost>, service = "network.l2");

/// An L3 network, as a hypervisor needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOnHost {
    /// The L3 network.
    pub l3: Uuid,
    /// Its L2 network.
    pub l2: Uuid,
    /// The bridge that NICs are plugged into.
    pub bridge: String,
}

/// A NIC of a VM that starts, for network services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedNic {
    /// The NIC.
    pub nic: Uuid,
    /// Its L3 network.
    pub l3: Uuid,
    /// Hardware address.
    pub mac: String,
    /// Its address.
    pub ip: String,
    /// Whether the VM's default route and name servers come from it.
    pub default_route: bool,
}

/// Give the NICs of a VM the services of their networks on its host: DHCP, user data. Repeatable.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServeNics {
    /// The VM.
    pub vm: Uuid,
    /// The host where it starts.
    pub host: Uuid,
    /// What the guest is to be called.
    pub hostname: Option<String>,
    /// Its user data, as it is served.
    pub user_data: Option<String>,
    /// Public keys of those who may log in.
    #[serde(default)]
    pub ssh_keys: Vec<String>,
    /// Its NICs.
    pub nics: Vec<ServedNic>,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(ServeNics => (), service = "network.service", key = vm);

impl std::fmt::Debug for ServeNics {
    // User data often holds passwords and tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { vm, host, nics, .. } = self;
        f.debug_struct("ServeNics").field("vm", vm).field("host", host).field("nics", nics).finish_non_exhaustive()
    }
}

/// Take those services back. What is not there is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnserveNics {
    /// The VM.
    pub vm: Uuid,
    /// The host where it ran.
    pub host: Uuid,
    /// Its NICs.
    pub nics: Vec<ServedNic>,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}
message!(UnserveNics => (), service = "network.service", key = vm);

/// Take an address of an L3 network for a service of the network itself: its DHCP server. Asking again for the same
/// network and service answers the same address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoldServiceIp {
    /// The L3 network.
    pub l3: Uuid,
    /// The service; `usedFor` of the address: `DHCP`.
    pub used_for: String,
}
message!(HoldServiceIp => IpLease, service = "network.l3", key = l3);

/// Give back the address that a service holds. None is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseServiceIp {
    /// The L3 network.
    pub l3: Uuid,
    /// The service.
    pub used_for: String,
}
message!(ReleaseServiceIp => (), service = "network.l3", key = l3);

/// The largest packet that guests of an L3 network are told to send, in bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GuestMtu {
    /// The L3 network.
    pub l3: Uuid,
    /// Its L2 network.
    pub l2: Uuid,
    /// The kind of that.
    pub l2_type: String,
}
message!(GuestMtu => u32, service = "network.l3", key = l3);

/// The service called DHCP: in `networkServiceType` of providers, and in `usedFor` of the address of an L3 network's server.
pub const DHCP: &str = "DHCP";
