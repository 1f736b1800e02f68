//! L2 networks that are a VLAN.

use cumulo_derive::api;
use cumulo_schema::{Inventories, Inventory, Uuid};

use crate::resource::{L2Network, L2VlanNetwork};

/// Creates an L2 network that is a VLAN: a bridge on it on each host.
#[api(post "/l2-networks/vlan", group = "l2Network", service = "network.l2", package = "org.zstack.header.network.l2", job, create, admin, reply = Inventory<L2Network>)]
pub struct CreateL2VlanNetwork {
    /// The VLAN id.
    #[param(range(1, 4094))]
    pub vlan: i32,
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
    /// The network interface of the hosts.
    #[param(max_length = 1024)]
    pub physical_interface: String,
    /// Its kind; follows from the call when not given.
    pub r#type: Option<String>,
    /// What switches it on the hosts.
    #[param(max_length = 1024, values("LinuxBridge", "OvsDpdk", "MacVlan"), default = "LinuxBridge")]
    pub v_switch_type: String,
    /// Whether members reach only the uplink.
    #[param(default = "false")]
    pub isolated: bool,
    /// Private VLAN.
    #[param(no_empty_string)]
    pub pvlan: Option<String>,
}

/// Finds L2 networks that are a VLAN.
#[api(query "/l2-networks/vlan", group = "l2Network", service = "query", package = "org.zstack.header.network.l2", reply = Inventories<L2VlanNetwork>)]
pub struct QueryL2VlanNetwork;
