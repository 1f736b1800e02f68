//! Network services of L3 networks.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::{Inventories, Inventory, Uuid};

use crate::resource::{L3Network, NetworkServiceL3NetworkRef, NetworkServiceProvider};

/// Starts network services on an L3 network.
#[api(post "/l3-networks/{l3NetworkUuid}/network-services", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.service", job, reply = Inventory<L3Network>)]
pub struct AttachNetworkServiceToL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The services, by the id of the provider.
    pub network_services: BTreeMap<String, Vec<String>>,
}

/// Stops network services on an L3 network.
#[api(delete "/l3-networks/{l3NetworkUuid}/network-services", also = "/l3-networks/{l3NetworkUuid}/network-services/{service}", group = "l3Network", service = "network.l3", package = "org.zstack.header.network.service", job, admin, reply = Inventory<L3Network>)]
pub struct DetachNetworkServiceFromL3Network {
    /// The L3 network.
    #[param(resource = "L3NetworkVO", check_account, operation_target)]
    pub l3_network_uuid: Uuid,
    /// The services, by the id of the provider.
    pub network_services: Option<BTreeMap<String, Vec<String>>>,
    /// One service, of whatever provider.
    pub service: Option<String>,
}

/// Finds network service providers.
#[api(query "/network-services/providers", group = "l3Network", service = "network.service", package = "org.zstack.header.network.service", reply = Inventories<NetworkServiceProvider>)]
pub struct QueryNetworkServiceProvider;

/// Finds which provider gives which service to which L3 network.
#[api(query "/l3-networks/network-services/refs", group = "l3Network", service = "query", package = "org.zstack.header.network.service", admin, reply = Inventories<NetworkServiceL3NetworkRef>)]
pub struct QueryNetworkServiceL3NetworkRef;

/// Lists the network services, each with its providers.
#[api(get "/network-services/types", group = "l3Network", service = "network.service", package = "org.zstack.header.network.service", admin, reply = GetNetworkServiceTypesReply)]
pub struct GetNetworkServiceTypes {}

/// What [`GetNetworkServiceTypes`] answers.
#[reply(members)]
pub struct GetNetworkServiceTypesReply {
    /// The names of providers, by service.
    pub types: BTreeMap<String, Vec<String>>,
}
