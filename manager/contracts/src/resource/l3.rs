//! L3 networks, address ranges and addresses.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::ResourceState;

/// An L3 network: addresses, and the services guests get on them.
#[resource(
    table = "l3_network",
    java = "org.zstack.header.network.l3.L3NetworkInventory",
    vo = "L3NetworkVO",
    owned,
    shareable,
    nested(ipRanges: IpRange, uuid = l3NetworkUuid),
    nested(networkServices: NetworkServiceL3NetworkRef, uuid = l3NetworkUuid),
    nested(hostRoute: L3NetworkHostRoute, uuid = l3NetworkUuid),
    nested(reservedIpRanges: ReservedIpRange, uuid = l3NetworkUuid),
    collection(dns: L3NetworkDns, l3NetworkUuid, dns),
    expand(zone: Zone, zoneUuid = uuid),
    expand(l2Network: L2Network, l2NetworkUuid = uuid),
    expand(vmNic: VmNic, uuid = l3NetworkUuid),
    expand(hidden serviceProviderRef: NetworkServiceL3NetworkRef, uuid = l3NetworkUuid),
    expand(usedIp: UsedIp, uuid = l3NetworkUuid),
    expand(ipRanges: IpRange, uuid = l3NetworkUuid),
    expand(networkServices: NetworkServiceL3NetworkRef, uuid = l3NetworkUuid),
    expand(hostRoute: L3NetworkHostRoute, uuid = l3NetworkUuid),
    expand(reservedIpRanges: ReservedIpRange, uuid = l3NetworkUuid),
    alias(serviceProvider = "serviceProviderRef.serviceProvider")
)]
pub struct L3Network {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Its kind.
    pub r#type: String,
    /// The zone it is in.
    #[field(indexed, references = "Zone")]
    pub zone_uuid: Uuid,
    /// The L2 network.
    #[field(indexed, references = "L2Network")]
    pub l2_network_uuid: Uuid,
    /// Whether it takes part in what is new.
    pub state: ResourceState,
    /// The domain that guests are given.
    pub dns_domain: Option<String>,
    /// Whether it serves the system itself.
    pub system: bool,
    /// Public, private or system.
    pub category: String,
    /// 4 or 6.
    pub ip_version: i32,
    /// Whether addresses are managed here.
    #[field(wire = "enableIPAM")]
    pub enable_ipam: bool,
    /// Whether members reach only the uplink.
    pub isolated: Option<bool>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A name server of an L3 network.
#[resource(
    table = "l3_network_dns",
    java = "org.zstack.header.network.l3.L3NetworkDnsInventory",
    vo = "L3NetworkDnsVO",
    seen_by(user = l3NetworkUuid),
    unique(l3NetworkUuid, dns)
)]
pub struct L3NetworkDns {
    /// The L3 network.
    #[field(indexed, references = "L3Network", part_of = "L3Network")]
    pub l3_network_uuid: Uuid,
    /// Address of the server.
    #[field(indexed)]
    pub dns: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A route that guests of an L3 network are given.
#[resource(
    table = "l3_network_host_route",
    java = "org.zstack.header.network.l3.L3NetworkHostRouteInventory",
    vo = "L3NetworkHostRouteVO",
    seen_by(user = l3NetworkUuid),
    unique(l3NetworkUuid, prefix)
)]
pub struct L3NetworkHostRoute {
    /// Its number.
    #[field(unique)]
    pub id: i64,
    /// The L3 network.
    #[field(indexed, references = "L3Network", part_of = "L3Network")]
    pub l3_network_uuid: Uuid,
    /// Destination, as CIDR.
    #[field(indexed)]
    pub prefix: String,
    /// The next hop.
    pub nexthop: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A range of addresses of an L3 network.
#[resource(
    table = "ip_range",
    java = "org.zstack.header.network.l3.IpRangeInventory",
    vo = "IpRangeVO",
    owned,
    seen_by(user = l3NetworkUuid),
    expand(l3Network: L3Network, l3NetworkUuid = uuid)
)]
pub struct IpRange {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The L3 network.
    #[field(indexed, references = "L3Network", part_of = "L3Network")]
    pub l3_network_uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// First address.
    pub start_ip: String,
    /// Last address.
    pub end_ip: String,
    /// Netmask.
    pub netmask: String,
    /// Gateway.
    pub gateway: String,
    /// The network, as CIDR.
    pub network_cidr: String,
    /// 4 or 6.
    pub ip_version: i32,
    /// How IPv6 addresses are given.
    pub address_mode: Option<String>,
    /// Length of the prefix.
    pub prefix_len: i32,
    /// What its addresses are for.
    pub ip_range_type: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// An address that is taken.
#[resource(
    table = "used_ip",
    java = "org.zstack.header.network.l3.UsedIpInventory",
    vo = "UsedIpVO",
    seen_by(owner = vmNicUuid, owner = l3NetworkUuid),
    unique(l3NetworkUuid, ip),
    expand(l3Network: L3Network, l3NetworkUuid = uuid),
    expand(vmNic: VmNic, vmNicUuid = uuid)
)]
pub struct UsedIp {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The range it is of.
    #[field(indexed, references = "IpRange", part_of = "IpRange")]
    pub ip_range_uuid: Option<Uuid>,
    /// The L3 network.
    #[field(indexed, references = "L3Network", part_of = "L3Network")]
    pub l3_network_uuid: Uuid,
    /// 4 or 6.
    pub ip_version: i32,
    /// The address.
    #[field(indexed)]
    pub ip: String,
    /// Netmask.
    pub netmask: String,
    /// Gateway.
    pub gateway: Option<String>,
    /// What holds it.
    pub used_for: Option<String>,
    /// The address as a number.
    pub ip_in_long: i64,
    /// The NIC that holds it.
    #[field(indexed, part_of = "VmNic")]
    pub vm_nic_uuid: Option<Uuid>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// An IPv6 address as 32 hexadecimal digits: texts that stand in the order of the numbers, which no column holds.
    #[field(hidden)]
    pub ip_order: Option<String>,
}

/// Addresses that are never given out.
#[resource(
    table = "reserved_ip_range",
    java = "org.zstack.header.network.l3.ReservedIpRangeInventory",
    vo = "ReservedIpRangeVO",
    owned,
    seen_by(user = l3NetworkUuid)
)]
pub struct ReservedIpRange {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The L3 network.
    #[field(indexed, references = "L3Network", part_of = "L3Network")]
    pub l3_network_uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// First address.
    pub start_ip: String,
    /// Last address.
    pub end_ip: String,
    /// 4 or 6.
    pub ip_version: i32,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
