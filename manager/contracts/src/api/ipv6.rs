//! Address ranges of IPv6.

use cumulo_derive::{api, reply};
use cumulo_schema::{Inventory, Uuid};
use serde_json::Value;

use crate::resource::IpRange;

/// Adds an IPv6 address range to an L3 network, from its first to its last address.
#[api(post "/l3-networks/{l3NetworkUuid}/ipv6-ranges", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, create, reply = Inventory<IpRange>)]
pub struct AddIpv6Range {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The first address.
    pub start_ip: String,
    /// The last address.
    pub end_ip: String,
    /// The gateway.
    pub gateway: String,
    /// Length of the prefix.
    #[param(range(8, 126))]
    pub prefix_len: i32,
    /// How guests come to their addresses.
    #[param(values("SLAAC", "Stateful-DHCP", "Stateless-DHCP"))]
    pub address_mode: String,
    /// Whether its addresses are for virtual machines or a pool for other uses.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
}

/// Adds an IPv6 address range to an L3 network, given as CIDR.
#[api(post "/l3-networks/{l3NetworkUuid}/ipv6-ranges/by-cidr", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, create, reply = AddIpv6RangeByNetworkCidrReply)]
pub struct AddIpv6RangeByNetworkCidr {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The network, as CIDR.
    pub network_cidr: String,
    /// How guests come to their addresses.
    #[param(values("SLAAC", "Stateful-DHCP", "Stateless-DHCP"))]
    pub address_mode: String,
    /// Whether its addresses are for virtual machines or a pool for other uses.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
}

/// What [`AddIpv6RangeByNetworkCidr`] answers.
#[reply(all)]
pub struct AddIpv6RangeByNetworkCidrReply {
    /// The first range made.
    #[member(of = "IpRangeInventory")]
    pub inventory: Option<Value>,
    /// All ranges made.
    #[member(of = "IpRangeInventory")]
    pub inventories: Vec<Value>,
}
