//! L3 networks, their addresses, name servers and routes.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

use crate::resource::{IpRange, L3Network, ReservedIpRange, UsedIp};

/// Creates an L3 network.
#[api(post "/l3-networks", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, create, reply = Inventory<L3Network>)]
pub struct CreateL3Network {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// `L3BasicNetwork`.
    #[param(default = "L3BasicNetwork")]
    pub r#type: String,
    /// The L2 network.
    #[param(resource = "L2NetworkVO", check_account)]
    pub l2_network_uuid: Uuid,
    /// Public, private, or for the system itself.
    #[param(values("Public", "Private", "System"), default = "Private")]
    pub category: String,
    /// 4 or 6.
    #[param(values("4", "6"))]
    pub ip_version: Option<i32>,
    /// Whether it serves the system itself.
    #[param(default = "false")]
    pub system: bool,
    /// The domain that guests are given.
    pub dns_domain: Option<String>,
    /// Whether its addresses are managed here.
    #[param(wire = "enableIPAM", default = "true")]
    pub enable_ipam: bool,
}

/// Changes name, description and domain of an L3 network.
#[api(put "/l3-networks/{uuid}/actions", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct UpdateL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The domain that guests are given.
    #[param(max_length = 255)]
    pub dns_domain: Option<String>,
    /// Public, private, or for the system itself.
    #[param(values("Public", "Private", "System"))]
    pub category: Option<String>,
    /// Whether it serves the system itself.
    pub system: Option<bool>,
}

/// Enables or disables an L3 network.
#[api(put "/l3-networks/{uuid}/actions", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct ChangeL3NetworkState {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes an L3 network.
#[api(delete "/l3-networks/{uuid}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, delete, reply = Empty)]
pub struct DeleteL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Finds L3 networks.
#[api(query "/l3-networks", group = "l3Network", service = "query", package = "org.zstack.header.network.l3", reply = Inventories<L3Network>)]
pub struct QueryL3Network;

/// Adds an address range to an L3 network, from its first to its last address.
#[api(post "/l3-networks/{l3NetworkUuid}/ip-ranges", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, create, reply = Inventory<IpRange>)]
pub struct AddIpRange {
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
    /// The netmask.
    pub netmask: String,
    /// The gateway; the first address of the network when not given.
    pub gateway: Option<String>,
    /// Whether its addresses are for virtual machines or a pool for other uses.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
}

/// Adds an address range to an L3 network, given as CIDR.
#[api(post "/l3-networks/{l3NetworkUuid}/ip-ranges/by-cidr", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, create, reply = AddIpRangeByNetworkCidrReply)]
pub struct AddIpRangeByNetworkCidr {
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
    /// The gateway; the first address of the network when not given.
    #[param(max_length = 64)]
    pub gateway: Option<String>,
    /// Whether its addresses are for virtual machines or a pool for other uses.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
}

/// What [`AddIpRangeByNetworkCidr`] answers.
#[reply(all)]
pub struct AddIpRangeByNetworkCidrReply {
    /// The first range made.
    #[member(of = "IpRangeInventory")]
    pub inventory: Option<Value>,
    /// All ranges made.
    #[member(of = "IpRangeInventory")]
    pub inventories: Vec<Value>,
}

/// Changes name or description of an address range.
#[api(put "/l3-networks/ip-ranges/{uuid}/actions", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<IpRange>)]
pub struct UpdateIpRange {
    /// The address range.
    #[param(resource = "IpRangeVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Deletes an address range.
#[api(delete "/l3-networks/ip-ranges/{uuid}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, delete, reply = Empty)]
pub struct DeleteIpRange {
    /// The address range.
    #[param(resource = "IpRangeVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Finds address ranges.
#[api(query "/l3-networks/ip-ranges", group = "l3Network", service = "query", package = "org.zstack.header.network.l3", reply = Inventories<IpRange>)]
pub struct QueryIpRange;

/// Finds addresses that are taken.
#[api(query "/l3-networks/ip-address", group = "l3Network", service = "query", package = "org.zstack.header.network.l3", reply = Inventories<UsedIp>)]
pub struct QueryIpAddress;

/// Adds a name server to an L3 network.
#[api(post "/l3-networks/{l3NetworkUuid}/dns", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct AddDnsToL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The address of the name server.
    pub dns: String,
}

/// Removes a name server from an L3 network.
#[api(delete "/l3-networks/{l3NetworkUuid}/dns/{dns}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct RemoveDnsFromL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The address of the name server.
    pub dns: String,
}

/// Adds a route that guests of an L3 network are given.
#[api(post "/l3-networks/{l3NetworkUuid}/hostroute", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct AddHostRouteToL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The destination, as CIDR.
    pub prefix: String,
    /// The address of the next hop.
    pub nexthop: String,
}

/// Takes a route away from what guests of an L3 network are given.
#[api(delete "/l3-networks/{l3NetworkUuid}/hostroute", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct RemoveHostRouteFromL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The destination, as CIDR.
    pub prefix: String,
}

/// Keeps addresses of an L3 network from being given out.
#[api(post "/l3-networks/{l3NetworkUuid}/reserved-ip-ranges", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, create, reply = Inventory<ReservedIpRange>)]
pub struct AddReservedIpRange {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The first address.
    pub start_ip: String,
    /// The last address.
    pub end_ip: String,
}

/// Lets addresses that were kept back be given out again.
#[api(delete "/l3-networks/reserved-ip-ranges/{uuid}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, delete, reply = Empty)]
pub struct DeleteReservedIpRange {
    /// The reserved range.
    #[param(resource = "ReservedIpRangeVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Lists addresses that are free.
#[api(get "/l3-networks/ip/free", also = "/l3-networks/{l3NetworkUuid}/ip/free", also = "/l3-networks/ip-ranges/{ipRangeUuid}/ip/free", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetFreeIpReply)]
pub struct GetFreeIp {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Option<Uuid>,
    /// The address range.
    #[param(resource = "IpRangeVO", check_account)]
    pub ip_range_uuid: Option<Uuid>,
    /// Only addresses from this one on.
    pub start: Option<String>,
    /// Whether its addresses are for virtual machines or a pool for other uses.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
    /// 4 or 6.
    #[param(values("4", "6"))]
    pub ip_version: Option<i32>,
    /// At most so many.
    #[param(default = "100")]
    pub limit: i32,
}

/// What [`GetFreeIp`] answers.
#[reply(members)]
pub struct GetFreeIpReply {
    /// The addresses.
    #[member(of = "FreeIpInventory")]
    pub inventories: Vec<Value>,
}

/// Tells whether an address can be taken.
#[api(get "/l3-networks/{l3NetworkUuid}/ip/{ip}/availability", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = CheckIpAvailabilityReply)]
pub struct CheckIpAvailability {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Uuid,
    /// The address.
    #[param(max_length = 255)]
    pub ip: String,
    /// Also ask the network whether somebody uses it.
    #[param(default = "false")]
    pub arp_check: bool,
    /// Also ask whether it is in one of the ranges.
    #[param(default = "true")]
    pub ip_range_check: bool,
}

/// What [`CheckIpAvailability`] answers.
#[reply(all)]
pub struct CheckIpAvailabilityReply {
    /// Whether it can.
    pub available: bool,
    /// Why it cannot.
    pub reason: Option<String>,
}

/// Sums up the addresses of L3 networks.
#[api(get "/ip-capacity", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetIpAddressCapacityReply)]
pub struct GetIpAddressCapacity {
    /// The zones.
    #[param(resource = "ZoneVO")]
    pub zone_uuids: Option<Vec<Uuid>>,
    /// The L3 networks.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Option<Vec<Uuid>>,
    /// The address ranges.
    #[param(resource = "IpRangeVO", check_account)]
    pub ip_range_uuids: Option<Vec<Uuid>>,
    /// All there are, instead of those named.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetIpAddressCapacity`] answers.
#[reply(all)]
pub struct GetIpAddressCapacityReply {
    /// How many addresses there are.
    #[member(of = "long")]
    pub total_capacity: Option<i64>,
    /// How many are free.
    #[member(of = "long")]
    pub available_capacity: Option<i64>,
    /// How many are taken.
    #[member(of = "long")]
    pub used_ip_address_number: Option<i64>,
    /// How many IPv4 addresses there are.
    #[member(of = "long")]
    pub ipv4_total_capacity: Option<i64>,
    /// How many of them are free.
    #[member(of = "long")]
    pub ipv4_available_capacity: Option<i64>,
    /// How many of them are taken.
    #[member(of = "long")]
    pub ipv4_used_ip_address_number: Option<i64>,
    /// How many IPv6 addresses there are.
    #[member(of = "long")]
    pub ipv6_total_capacity: Option<i64>,
    /// How many of them are free.
    #[member(of = "long")]
    pub ipv6_available_capacity: Option<i64>,
    /// How many of them are taken.
    #[member(of = "long")]
    pub ipv6_used_ip_address_number: Option<i64>,
    /// The same for each of them.
    #[member(of = "IpCapacityData")]
    pub capacity_data: Vec<Value>,
    /// What each of those is.
    pub resource_type: Option<String>,
}

/// Lists the kinds of L3 network that can be created.
#[api(get "/l3-networks/types", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetL3NetworkTypesReply)]
pub struct GetL3NetworkTypes {}

/// What [`GetL3NetworkTypes`] answers.
#[reply(members)]
pub struct GetL3NetworkTypesReply {
    /// Their names.
    pub types: Vec<String>,
}

/// Answers the addresses of the DHCP server of an L3 network.
#[api(get "/l3-networks/{l3NetworkUuid}/dhcp-ip", group = "l3Network", service = "flat.dhcp", package = "org.zstack.network.service.flat", reply = GetL3NetworkDhcpIpAddressReply)]
pub struct GetL3NetworkDhcpIpAddress {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
}

/// What [`GetL3NetworkDhcpIpAddress`] answers.
#[reply(all)]
pub struct GetL3NetworkDhcpIpAddressReply {
    /// The IPv4 address.
    pub ip: Option<String>,
    /// The IPv6 address.
    pub ip6: Option<String>,
}

/// Lists the addresses of an L3 network that are taken, and what has them.
#[api(get "/l3-networks/{l3NetworkUuid}/ip-statistic", group = "l3Network", service = "flat.dhcp", package = "org.zstack.network.service.flat", reply = GetL3NetworkIpStatisticReply)]
pub struct GetL3NetworkIpStatistic {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// All of them, or those of virtual machines. There are no VIPs yet, so none is listed.
    #[param(values("All", "Vip", "VM"), default = "All")]
    pub resource_type: String,
    /// Only addresses like this one, where `%` stands for any text.
    pub ip: Option<String>,
    /// By the address, or by when it was taken.
    #[param(values("Ip", "CreateDate"), default = "Ip")]
    pub sort_by: String,
    /// Upwards, or downwards.
    #[param(values("asc", "desc"), default = "asc")]
    pub sort_direction: String,
    /// How many to skip.
    #[param(range(0, 2_147_483_647), default = "0")]
    pub start: i32,
    /// At most so many.
    #[param(range(0, 2_147_483_647), default = "20")]
    pub limit: i32,
    /// Whether to say how many there are.
    #[param(default = "false")]
    pub reply_with_count: bool,
}

/// What [`GetL3NetworkIpStatistic`] answers.
#[reply(all)]
pub struct GetL3NetworkIpStatisticReply {
    /// The addresses.
    #[member(of = "IpStatisticData")]
    pub ip_statistics: Vec<Value>,
    /// How many there are, where that was asked for.
    pub total: Option<i64>,
}

/// Gives the DHCP server of an L3 network another address.
#[api(put "/l3-networks/{l3NetworkUuid}/dhcp-ip", group = "l3Network", service = "flat.dhcp", package = "org.zstack.network.service.flat", job, reply = ChangeL3NetworkDhcpIpAddressReply)]
pub struct ChangeL3NetworkDhcpIpAddress {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The IPv4 address, a free one of its ranges.
    #[param(nonempty)]
    pub dhcp_server_ip: Option<String>,
    /// Unused: no guest is served over IPv6.
    #[param(nonempty)]
    pub dhcpv6_server_ip: Option<String>,
}

/// What [`ChangeL3NetworkDhcpIpAddress`] answers.
#[reply(all)]
pub struct ChangeL3NetworkDhcpIpAddressReply {
    /// The IPv4 address.
    pub dhcp_server_ip: Option<String>,
    /// The IPv6 address.
    pub dhcpv6_server_ip: Option<String>,
}
