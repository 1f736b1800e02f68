//! Network services and who provides them.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

/// What provides network services: the hosts themselves, or a router.
#[resource(
    table = "network_service_provider",
    java = "org.zstack.header.network.service.NetworkServiceProviderInventory",
    vo = "NetworkServiceProviderVO",
    seen_by(all),
    collection(networkServiceTypes: NetworkServiceType, networkServiceProviderUuid, type),
    collection(attachedL2NetworkUuids: NetworkServiceProviderL2NetworkRef, networkServiceProviderUuid, l2NetworkUuid)
)]
pub struct NetworkServiceProvider {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: String,
    /// Its kind.
    pub r#type: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A service that a provider has.
#[resource(
    table = "network_service_type",
    java = "org.zstack.header.network.service.NetworkServiceTypeInventory",
    vo = "NetworkServiceTypeVO",
    seen_by(all)
)]
pub struct NetworkServiceType {
    /// The provider.
    #[field(indexed, references = "NetworkServiceProvider", part_of = "NetworkServiceProvider")]
    pub network_service_provider_uuid: Uuid,
    /// Its kind.
    pub r#type: String,
}

/// A provider attached to an L2 network.
#[resource(
    table = "network_service_provider_l2_network_ref",
    java = "org.zstack.header.network.service.NetworkServiceProviderL2NetworkRefInventory",
    vo = "NetworkServiceProviderL2NetworkRefVO",
    seen_by(all),
    unique(networkServiceProviderUuid, l2NetworkUuid),
    expand(l2Network: L2Network, l2NetworkUuid = uuid),
    expand(networkServiceProvider: NetworkServiceProvider, networkServiceProviderUuid = uuid)
)]
pub struct NetworkServiceProviderL2NetworkRef {
    /// The provider.
    #[field(indexed, references = "NetworkServiceProvider", part_of = "NetworkServiceProvider")]
    pub network_service_provider_uuid: Uuid,
    /// The L2 network.
    #[field(indexed, references = "L2Network", part_of = "L2Network")]
    pub l2_network_uuid: Uuid,
}

/// A service that an L3 network gets from a provider.
#[resource(
    table = "network_service_l3_network_ref",
    java = "org.zstack.header.network.service.NetworkServiceL3NetworkRefInventory",
    vo = "NetworkServiceL3NetworkRefVO",
    seen_by(user = l3NetworkUuid),
    unique(l3NetworkUuid, networkServiceType),
    expand(l3Network: L3Network, l3NetworkUuid = uuid),
    expand(serviceProvider: NetworkServiceProvider, networkServiceProviderUuid = uuid)
)]
pub struct NetworkServiceL3NetworkRef {
    /// The L3 network.
    #[field(indexed, references = "L3Network", part_of = "L3Network")]
    pub l3_network_uuid: Uuid,
    /// The provider.
    #[field(indexed, references = "NetworkServiceProvider", part_of = "NetworkServiceProvider")]
    pub network_service_provider_uuid: Uuid,
    /// The service.
    #[field(indexed)]
    pub network_service_type: String,
}
