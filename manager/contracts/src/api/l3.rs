//! APIs of group `l3`.

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
    /// Its kind.
    #[param(default = "L3BasicNetwork")]
    pub r#type: String,
    /// The L2 network.
    #[param(resource = "L2NetworkVO")]
    pub l2_network_uuid: Uuid,
    /// Category.
    #[param(values("Public", "Private", "System"), default = "Private")]
    pub category: String,
    /// Ip version.
    #[param(values("4", "6"))]
    pub ip_version: Option<i32>,
    /// Whether it serves the system itself.
    #[param(default = "false")]
    pub system: bool,
    /// Dns domain.
    pub dns_domain: Option<String>,
    /// Enable ip am.
    #[param(wire = "enableIPAM", default = "true")]
    pub enable_ipam: bool,
}

/// Changes what is recorded of an L3 network.
#[api(put "/l3-networks/{uuid}/actions", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct UpdateL3Network {
    /// The id of what is meant.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Dns domain.
    #[param(max_length = 255)]
    pub dns_domain: Option<String>,
    /// Category.
    #[param(values("Public", "Private", "System"))]
    pub category: Option<String>,
    /// Whether it serves the system itself.
    pub system: Option<bool>,
}

/// Enables or disables an L3 network.
#[api(put "/l3-networks/{uuid}/actions", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct ChangeL3NetworkState {
    /// The id of what is meant.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// What to do with its state.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes an L3 network.
#[api(delete "/l3-networks/{uuid}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, delete, reply = Empty)]
pub struct DeleteL3Network {
    /// The id of what is meant.
    #[param(resource = "L3NetworkVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds L3 networks.
#[api(query "/l3-networks", group = "l3Network", service = "query", package = "org.zstack.header.network.l3", reply = Inventories<L3Network>)]
pub struct QueryL3Network;

/// Adds a IP range.
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
    /// Start ip.
    pub start_ip: String,
    /// End ip.
    pub end_ip: String,
    /// Netmask.
    pub netmask: String,
    /// Gateway.
    pub gateway: Option<String>,
    /// Ip range type.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
}

/// Adds a IP range by network CIDR.
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
    /// Network cidr.
    pub network_cidr: String,
    /// Gateway.
    #[param(max_length = 64)]
    pub gateway: Option<String>,
    /// Ip range type.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
}

/// What [`AddIpRangeByNetworkCidr`] answers.
#[reply(all)]
pub struct AddIpRangeByNetworkCidrReply {
    /// Inventory.
    #[member(of = "IpRangeInventory")]
    pub inventory: Option<Value>,
    /// Inventories.
    #[member(of = "IpRangeInventory")]
    pub inventories: Vec<Value>,
}

/// Changes what is recorded of a IP range.
#[api(put "/l3-networks/ip-ranges/{uuid}/actions", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<IpRange>)]
pub struct UpdateIpRange {
    /// The id of what is meant.
    #[param(resource = "IpRangeVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Deletes a IP range.
#[api(delete "/l3-networks/ip-ranges/{uuid}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, delete, reply = Empty)]
pub struct DeleteIpRange {
    /// The id of what is meant.
    #[param(resource = "IpRangeVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Finds IP ranges.
#[api(query "/l3-networks/ip-ranges", group = "l3Network", service = "query", package = "org.zstack.header.network.l3", reply = Inventories<IpRange>)]
pub struct QueryIpRange;

/// Finds IP addresses.
#[api(query "/l3-networks/ip-address", group = "l3Network", service = "query", package = "org.zstack.header.network.l3", reply = Inventories<UsedIp>)]
pub struct QueryIpAddress;

/// Adds a DNS to L3 network.
#[api(post "/l3-networks/{l3NetworkUuid}/dns", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct AddDnsToL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// Dns.
    pub dns: String,
}

/// Removes a DNS from an L3 network.
#[api(delete "/l3-networks/{l3NetworkUuid}/dns/{dns}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct RemoveDnsFromL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// Dns.
    pub dns: String,
}

/// Adds a host route to L3 network.
#[api(post "/l3-networks/{l3NetworkUuid}/hostroute", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct AddHostRouteToL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// Prefix.
    pub prefix: String,
    /// Nexthop.
    pub nexthop: String,
}

/// Removes a host route from an L3 network.
#[api(delete "/l3-networks/{l3NetworkUuid}/hostroute", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = Inventory<L3Network>)]
pub struct RemoveHostRouteFromL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// Prefix.
    pub prefix: String,
}

/// Adds a reserved IP range.
#[api(post "/l3-networks/{l3NetworkUuid}/reserved-ip-ranges", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, create, reply = Inventory<ReservedIpRange>)]
pub struct AddReservedIpRange {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// Start ip.
    pub start_ip: String,
    /// End ip.
    pub end_ip: String,
}

/// Deletes a reserved IP range.
#[api(delete "/l3-networks/reserved-ip-ranges/{uuid}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, delete, reply = Empty)]
pub struct DeleteReservedIpRange {
    /// The id of what is meant.
    #[param(resource = "ReservedIpRangeVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Answers addresses that are free.
#[api(get "null", also = "/l3-networks/ip/free", also = "/l3-networks/{l3NetworkUuid}/ip/free", also = "/l3-networks/ip-ranges/{ipRangeUuid}/ip/free", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetFreeIpReply)]
pub struct GetFreeIp {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Option<Uuid>,
    /// Ip range id.
    #[param(resource = "IpRangeVO", check_account)]
    pub ip_range_uuid: Option<Uuid>,
    /// Start.
    pub start: Option<String>,
    /// Ip range type.
    #[param(values("Normal", "AddressPool"))]
    pub ip_range_type: Option<String>,
    /// Ip version.
    #[param(values("4", "6"))]
    pub ip_version: Option<i32>,
    /// Limit.
    #[param(default = "100")]
    pub limit: i32,
}

/// What [`GetFreeIp`] answers.
#[reply(members)]
pub struct GetFreeIpReply {
    /// Inventories.
    #[member(of = "FreeIpInventory")]
    pub inventories: Vec<Value>,
}

/// Tells whether an address can be taken.
#[api(get "/l3-networks/{l3NetworkUuid}/ip/{ip}/availability", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = CheckIpAvailabilityReply)]
pub struct CheckIpAvailability {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuid: Uuid,
    /// Ip.
    #[param(max_length = 255)]
    pub ip: String,
    /// Arp check.
    #[param(default = "false")]
    pub arp_check: bool,
    /// Ip range check.
    #[param(default = "true")]
    pub ip_range_check: bool,
}

/// What [`CheckIpAvailability`] answers.
#[reply(all)]
pub struct CheckIpAvailabilityReply {
    /// Available.
    pub available: bool,
    /// Reason.
    pub reason: Option<String>,
}

/// Answers the IP address capacity.
#[api(get "/ip-capacity", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetIpAddressCapacityReply)]
pub struct GetIpAddressCapacity {
    /// Zone ids.
    #[param(resource = "ZoneVO")]
    pub zone_uuids: Option<Vec<Uuid>>,
    /// L3 network ids.
    #[param(resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Option<Vec<Uuid>>,
    /// Ip range ids.
    #[param(resource = "IpRangeVO", check_account)]
    pub ip_range_uuids: Option<Vec<Uuid>>,
    /// All.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetIpAddressCapacity`] answers.
#[reply(all)]
pub struct GetIpAddressCapacityReply {
    /// Total capacity.
    #[member(of = "long")]
    pub total_capacity: Option<i64>,
    /// Available capacity.
    #[member(of = "long")]
    pub available_capacity: Option<i64>,
    /// Used ip address number.
    #[member(of = "long")]
    pub used_ip_address_number: Option<i64>,
    /// Ipv4total capacity.
    #[member(of = "long")]
    pub ipv4_total_capacity: Option<i64>,
    /// Ipv4available capacity.
    #[member(of = "long")]
    pub ipv4_available_capacity: Option<i64>,
    /// Ipv4used ip address number.
    #[member(of = "long")]
    pub ipv4_used_ip_address_number: Option<i64>,
    /// Ipv6total capacity.
    #[member(of = "long")]
    pub ipv6_total_capacity: Option<i64>,
    /// Ipv6available capacity.
    #[member(of = "long")]
    pub ipv6_available_capacity: Option<i64>,
    /// Ipv6used ip address number.
    #[member(of = "long")]
    pub ipv6_used_ip_address_number: Option<i64>,
    /// Capacity data.
    #[member(of = "IpCapacityData")]
    pub capacity_data: Vec<Value>,
    /// The VO of the resource.
    pub resource_type: Option<String>,
}

/// Answers the L3 network types.
#[api(get "/l3-networks/types", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetL3NetworkTypesReply)]
pub struct GetL3NetworkTypes {}

/// What [`GetL3NetworkTypes`] answers.
#[reply(members)]
pub struct GetL3NetworkTypesReply {
    /// Types.
    pub types: Vec<String>,
}

/// Answers the L3 network DHCP IP address.
#[api(get "/l3-networks/{l3NetworkUuid}/dhcp-ip", group = "l3Network", service = "flat.dhcp", package = "org.zstack.network.service.flat", reply = GetL3NetworkDhcpIpAddressReply)]
pub struct GetL3NetworkDhcpIpAddress {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
}

/// What [`GetL3NetworkDhcpIpAddress`] answers.
#[reply(all)]
pub struct GetL3NetworkDhcpIpAddressReply {
    /// Ip.
    pub ip: Option<String>,
    /// Ip6.
    pub ip6: Option<String>,
}
