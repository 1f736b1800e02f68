//! Network services by the hosts themselves: DHCP and user data, provider type `Flat`.
//!
//! Each host serves the NICs of the VMs that run on it, and nobody else's: no packet of these services leaves the host,
//! and a host that is lost takes only its own VMs' services along. All hosts serve an L3 network under one address, taken
//! from the network's range when the service is attached or the first range added, whichever comes last, and given back
//! with the service.
//!
//! What is to be served is recorded per NIC before a host is told ([`store::FlatNic`]). A single NIC is a delta; whatever
//! is in doubt (a host that comes back, a changed name server, a removal that failed) is settled by telling the host
//! everything of that network anew ([`converge`]). An L3 network without NICs on a host has nothing there.
//!
//! `Eip` can be attached too, since networks are set up with it: an elastic IP itself is served by nobody yet, and
//! attaching the service does nothing on hosts.

mod connect;
mod converge;
mod debt;
mod hosts;
mod lanes;
mod network;
mod serve;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cumulo_contracts::ext::{
    host::{BeforeHostDelete, OnHostConnected},
    network::NetworkServiceBackend,
    vm::KeptWhileUp,
};
use cumulo_gateway::Gateway;
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::Resource;

use hosts::FlatHosts;
use lanes::Lanes;

/// The provider's type.
const TYPE: &str = "Flat";

const MIGRATIONS: &[Migration] = &[
    Migration { name: "20261121_0210_flat_network", sql: include_str!("../migrations/20261121_0210_flat_network.sql") },
    Migration {
        name: "20261121_0400_flat_ssh_keys",
        sql: include_str!("../migrations/20261121_0400_flat_ssh_keys.sql"),
    },
];

/// The provider.
struct Flat {
    kernel: Kernel,
    hosts: Arc<dyn FlatHosts>,
    lanes: Lanes,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    install_with(setup, Arc::new(gateway));
}

fn install_with(setup: &mut Setup, hosts: Arc<dyn FlatHosts>) {
    let flat = Arc::new(Flat { kernel: setup.kernel().clone(), hosts, lanes: Lanes::default() });
    setup
        .migrations(MIGRATIONS)
        .resources(&[store::FlatNic::META])
        .driver::<dyn NetworkServiceBackend>(TYPE, flat.clone())
        .add::<dyn KeptWhileUp>(Arc::new(store::Served))
        .add::<dyn OnHostConnected>(flat.clone())
        .add::<dyn BeforeHostDelete>(flat.clone())
        .gc_runner(debt::RUNNER, Arc::new(debt::Debts(flat)));
}
