//! Networks: L2 networks on clusters, L3 networks with their ranges and addresses, and the services guests get on them.
//!
//! What an L2 network is on a host is its [`L2Driver`]'s matter, what a network service is its
//! [`NetworkServiceBackend`]'s; this service knows which network goes where, who holds which address, and who provides
//! what. Addresses are its busiest part: see `address::pool` for how they are never given out twice.
//!
//! [`L2Driver`]: cumulo_contracts::ext::network::L2Driver
//! [`NetworkServiceBackend`]: cumulo_contracts::ext::network::NetworkServiceBackend

mod address;
mod ipv4;
mod ipv6;
mod l2;
mod l3;
mod provider;
mod range;
mod store;

use std::sync::Arc;

use cumulo_contracts::{
    api::{
        ipv6::{AddIpv6Range, AddIpv6RangeByNetworkCidr},
        l2::{
            AttachL2NetworkToCluster, CreateL2NoVlanNetwork, DeleteL2Network, DetachL2NetworkFromCluster,
            GetL2NetworkTypes, QueryL2Network, UpdateL2Network,
        },
        l2_candidates::{
            GetCandidateClustersForAttachingL2Network, GetCandidateL2NetworksForAttachingCluster, GetVSwitchTypes,
        },
        l2_vlan::{CreateL2VlanNetwork, QueryL2VlanNetwork},
        l3::{
            AddDnsToL3Network, AddHostRouteToL3Network, AddIpRange, AddIpRangeByNetworkCidr, AddReservedIpRange,
            ChangeL3NetworkDhcpIpAddress, ChangeL3NetworkState, CheckIpAvailability, CreateL3Network, DeleteIpRange,
            DeleteL3Network, DeleteReservedIpRange, GetFreeIp, GetIpAddressCapacity, GetL3NetworkDhcpIpAddress,
            GetL3NetworkIpStatistic, GetL3NetworkTypes, QueryIpAddress, QueryIpRange, QueryL3Network,
            RemoveDnsFromL3Network, RemoveHostRouteFromL3Network, UpdateIpRange, UpdateL3Network,
        },
        network_service::{
            AttachNetworkServiceToL3Network, DetachNetworkServiceFromL3Network, GetNetworkServiceTypes,
            QueryNetworkServiceL3NetworkRef, QueryNetworkServiceProvider,
        },
    },
    ext::host::{HostFilter, OnHostConnected},
    message::network::{
        AllocateIp, ExplainIp, HoldServiceIp, MoveIp, PrepareNetworks, ReleaseIp, ReleaseIpOn, ReleaseIps,
        ReleaseServiceIp, ServeNics, UnserveNics,
    },
    resource::{IpRange, L2Network, L3Network},
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, ErrorCode, Resource, Uuid, codes};

use address::Pools;
pub use l2::AttachL2;
pub use provider::register_providers;

/// The network service.
#[derive(Debug)]
struct Networks {
    kernel: Kernel,
    pools: Pools,
}

/// The id of a new `R` is taken: by this very call (`same`), run again after a crash, or by another `R` whose id the
/// client chose.
fn made_before<R: Resource>(uuid: Uuid, same: bool) -> Result<(), ErrorCode> {
    match same {
        true => Ok(()),
        false => {
            let details = format!("{}[uuid:{uuid}] exists already; choose another resourceUuid", R::META.name);
            Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
        }
    }
}

const MIGRATIONS: &[Migration] = &[
    Migration { name: "20261121_0180_network", sql: include_str!("../migrations/20261121_0180_network.sql") },
    Migration {
        name: "20261121_0181_network_names",
        sql: include_str!("../migrations/20261121_0181_network_names.sql"),
    },
    Migration { name: "20261121_2204_ip_order", sql: include_str!("../migrations/20261121_2204_ip_order.sql") },
];

/// Installs the service. Once the kernel has started, call [`register_providers`].
pub fn install(setup: &mut Setup) {
    let networks = Arc::new(Networks { kernel: setup.kernel().clone(), pools: Pools::default() });
    setup.migrations(MIGRATIONS).configs(&[address::STRATEGY, l2::DELETE_BRIDGE]);
    setup.on::<address::RangesChanged>(networks.clone());
    install_l2(setup, &networks);
    install_l3(setup, &networks);
    install_addresses(setup, &networks);
    install_services(setup, &networks);
}

fn install_l2(setup: &mut Setup, networks: &Arc<Networks>) {
    setup
        .api::<CreateL2NoVlanNetwork>(networks.clone())
        .api::<UpdateL2Network>(networks.clone())
        .api::<DeleteL2Network>(networks.clone())
        .api::<AttachL2NetworkToCluster>(networks.clone())
        .api::<DetachL2NetworkFromCluster>(networks.clone())
        .api::<GetL2NetworkTypes>(networks.clone())
        .api::<CreateL2VlanNetwork>(networks.clone())
        .api::<GetCandidateL2NetworksForAttachingCluster>(networks.clone())
        .api::<GetCandidateClustersForAttachingL2Network>(networks.clone())
        .api::<GetVSwitchTypes>(networks.clone())
        .query(QueryL2Network::META)
        .query(QueryL2VlanNetwork::META)
        .message::<PrepareNetworks>(networks.clone())
        .add::<dyn OnHostConnected>(networks.clone())
        .add::<dyn HostFilter>(networks.clone())
        .cascade(L2Network::META, &["ZoneVO", "AccountVO"], Arc::new(l2::L2s(networks.clone())))
        .gc_runner(l2::LEFTOVER_RUNNER, Arc::new(l2::Leftovers(networks.clone())));
    l2::install_attach(setup, networks);
}

fn install_l3(setup: &mut Setup, networks: &Arc<Networks>) {
    setup
        .api::<CreateL3Network>(networks.clone())
        .api::<UpdateL3Network>(networks.clone())
        .api::<ChangeL3NetworkState>(networks.clone())
        .api::<DeleteL3Network>(networks.clone())
        .api::<GetL3NetworkTypes>(networks.clone())
        .api::<AddDnsToL3Network>(networks.clone())
        .api::<RemoveDnsFromL3Network>(networks.clone())
        .api::<AddHostRouteToL3Network>(networks.clone())
        .api::<RemoveHostRouteFromL3Network>(networks.clone())
        .quotas(l3::QUOTAS)
        .query(QueryL3Network::META)
        .cascade(L3Network::META, &["L2NetworkVO", "AccountVO"], Arc::new(l3::L3s(networks.clone())));
    l3::install_mtu(setup, networks);
    l3::install_router_interface(setup, networks);
}

fn install_addresses(setup: &mut Setup, networks: &Arc<Networks>) {
    setup
        .api::<AddIpRange>(networks.clone())
        .api::<AddIpRangeByNetworkCidr>(networks.clone())
        .api::<AddIpv6Range>(networks.clone())
        .api::<AddIpv6RangeByNetworkCidr>(networks.clone())
        .api::<UpdateIpRange>(networks.clone())
        .api::<DeleteIpRange>(networks.clone())
        .api::<AddReservedIpRange>(networks.clone())
        .api::<DeleteReservedIpRange>(networks.clone())
        .api::<GetFreeIp>(networks.clone())
        .api::<CheckIpAvailability>(networks.clone())
        .api::<GetIpAddressCapacity>(networks.clone())
        .api::<GetL3NetworkDhcpIpAddress>(networks.clone())
        .api::<ChangeL3NetworkDhcpIpAddress>(networks.clone())
        .api::<GetL3NetworkIpStatistic>(networks.clone())
        .query(QueryIpRange::META)
        .query(QueryIpAddress::META)
        .message::<AllocateIp>(networks.clone())
        .message::<MoveIp>(networks.clone())
        .message::<ExplainIp>(networks.clone())
        .message::<ReleaseIp>(networks.clone())
        .message::<ReleaseIpOn>(networks.clone())
        .message::<ReleaseIps>(networks.clone())
        .message::<HoldServiceIp>(networks.clone())
        .message::<ReleaseServiceIp>(networks.clone())
        .cascade(IpRange::META, &["L3NetworkVO"], Arc::new(range::Ranges(networks.clone())));
}

fn install_services(setup: &mut Setup, networks: &Arc<Networks>) {
    setup
        .api::<AttachNetworkServiceToL3Network>(networks.clone())
        .api::<DetachNetworkServiceFromL3Network>(networks.clone())
        .api::<GetNetworkServiceTypes>(networks.clone())
        .query(QueryNetworkServiceProvider::META)
        .query(QueryNetworkServiceL3NetworkRef::META)
        .message::<ServeNics>(networks.clone())
        .message::<UnserveNics>(networks.clone());
}
