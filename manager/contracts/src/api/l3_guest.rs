//! What the guests of an L3 network are told beside addresses, name servers and routes.

use cumulo_derive::{api, reply};
use cumulo_schema::Uuid;

/// Answers the largest packet that guests of an L3 network send.
#[api(get "/l3-networks/{l3NetworkUuid}/mtu", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetL3NetworkMtuReply)]
pub struct GetL3NetworkMtu {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
}

/// What [`GetL3NetworkMtu`] answers.
#[reply(all)]
pub struct GetL3NetworkMtuReply {
    /// The MTU, in bytes.
    pub mtu: Option<i32>,
}

/// Says how large packets of guests of an L3 network may be.
#[api(post "/l3-networks/{l3NetworkUuid}/mtu", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = SetL3NetworkMtuReply)]
pub struct SetL3NetworkMtu {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The MTU, in bytes.
    #[param(range(68, 9216))]
    pub mtu: i32,
}

/// What [`SetL3NetworkMtu`] answers.
#[reply(all)]
pub struct SetL3NetworkMtuReply {}

/// Answers the address that a router of the system has on an L3 network.
#[api(get "/l3-networks/{l3NetworkUuid}/router-interface-ip", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", reply = GetL3NetworkRouterInterfaceIpReply)]
pub struct GetL3NetworkRouterInterfaceIp {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
}

/// What [`GetL3NetworkRouterInterfaceIp`] answers.
#[reply(all)]
pub struct GetL3NetworkRouterInterfaceIpReply {
    /// The address.
    pub router_interface_ip: Option<String>,
}

/// Says which address a router of the system takes on an L3 network, where that is not the gateway.
#[api(post "/l3-networks/{l3NetworkUuid}/router-interface-ip", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.l3", job, reply = SetL3NetworkRouterInterfaceIpReply)]
pub struct SetL3NetworkRouterInterfaceIp {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The address.
    pub router_interface_ip: String,
}

/// What [`SetL3NetworkRouterInterfaceIp`] answers.
#[reply(all)]
pub struct SetL3NetworkRouterInterfaceIpReply {}
