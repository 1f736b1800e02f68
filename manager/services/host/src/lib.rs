//! Hosts: adding and connecting them, watching that they answer, and choosing one for a VM.
//!
//! What a VM needs of a host is **held**, not measured: a reservation row and two counters on the host change in one batch
//! that demands enough is left, so parallel requests never overbook and asking twice for one VM holds once
//! (`capacity`). Choosing goes through a chain of filters, of which each says why it refuses a host and by how much
//! (`allocate`), so that "no host" is never the whole answer.
//!
//! What a host runs is its driver's business (`HostConnector`); this service knows when to connect, and who has to be
//! told. Connecting the same host twice at once, by a person and by the watch, is one after the other.

mod add;
mod allocate;
mod capacity;
mod change_state;
mod config;
mod connect;
mod delete;
mod get;
mod get_capacity;
mod ipmi;
mod reconnect;
mod store;
mod tags;
mod update;
mod update_os;
mod watch;

use std::sync::Arc;

use cumulo_contracts::{
    api::host::{
        AddKVMHost, AddSimulatorHost, ChangeHostState, DeleteHost, GetCpuMemoryCapacity, GetHostAllocatorStrategies,
        GetHypervisorTypes, QueryHost, ReconnectHost, UpdateHost, UpdateHostIpmi, UpdateKVMHost,
    },
    ext::{hypervisor::HostConnector, vm::KeptWhileUp},
    message::host::{AllocateHost, ConnectHost, ExplainHosts, ReleaseHost, UpdateHostOs},
    resource::{Cluster, Host},
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, ErrorCode, Resource, Uuid};

pub use add::AddHost;
use store::{Held, HostIpmiController, HostIpmiPassword, HostReservation, Store};

const MIGRATIONS: &[Migration] = &[
    Migration { name: "20261121_0130_host", sql: include_str!("../migrations/20261121_0130_host.sql") },
    Migration {
        name: "20261121_0131_simulator_host",
        sql: include_str!("../migrations/20261121_0131_simulator_host.sql"),
    },
    Migration { name: "20261121_0132_host_names", sql: include_str!("../migrations/20261121_0132_host_names.sql") },
    Migration { name: "20261121_0500_host_vms", sql: include_str!("../migrations/20261121_0500_host_vms.sql") },
    Migration { name: "20261121_0700_host_ipmi", sql: include_str!("../migrations/20261121_0700_host_ipmi.sql") },
    Migration {
        name: "20261121_2202_host_updated_by",
        sql: include_str!("../migrations/20261121_2202_host_updated_by.sql"),
    },
    Migration {
        name: "20261121_2203_host_ipmi_controller",
        sql: include_str!("../migrations/20261121_2203_host_ipmi_controller.sql"),
    },
];

/// The host service.
struct Hosts {
    kernel: Kernel,
    store: Store,
}

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let hosts = Arc::new(Hosts::new(setup.kernel()));
    setup
        .migrations(MIGRATIONS)
        .resources(&[HostReservation::META, HostIpmiPassword::META, HostIpmiController::META])
        .configs(config::DEFINITIONS)
        .bindable("kvm", "reservedMemory", config::KINDS)
        .bindable("host", "cpu.overProvisioning.ratio", config::KINDS)
        .tags(tags::TAGS)
        .api::<AddKVMHost>(hosts.clone())
        .api::<AddSimulatorHost>(hosts.clone())
        .api::<UpdateHost>(hosts.clone())
        .api::<UpdateKVMHost>(hosts.clone())
        .api::<UpdateHostIpmi>(hosts.clone())
        .api::<ChangeHostState>(hosts.clone())
        .api::<ReconnectHost>(hosts.clone())
        .api::<DeleteHost>(hosts.clone())
        .api::<GetHypervisorTypes>(hosts.clone())
        .api::<GetCpuMemoryCapacity>(hosts.clone())
        .api::<GetHostAllocatorStrategies>(hosts.clone())
        .query(QueryHost::META)
        .message::<AllocateHost>(hosts.clone())
        .message::<ExplainHosts>(hosts.clone())
        .message::<ReleaseHost>(hosts.clone())
        .message::<ConnectHost>(hosts.clone())
        .message::<UpdateHostOs>(hosts.clone())
        .add::<dyn KeptWhileUp>(Arc::new(Held))
        .cascade(Host::META, &[Cluster::META.vo], hosts.clone());
    add::install(setup, &hosts);
    update_os::install(setup, &hosts);
}

/// Starts what the service does by itself; to be called once the kernel has started.
pub fn start(kernel: &Kernel) {
    kernel.spawn(watch::rounds(Hosts::new(kernel)));
}

impl Hosts {
    fn new(kernel: &Kernel) -> Self {
        Self { kernel: kernel.clone(), store: Store::new(kernel.db().clone()) }
    }

    async fn host(&self, uuid: Uuid) -> Result<Host, ErrorCode> {
        self.store.find(uuid).await?.ok_or_else(|| ErrorCode::not_found("Host", uuid))
    }

    fn connector(&self, host: &Host) -> Result<Arc<dyn HostConnector>, ErrorCode> {
        self.kernel.registry().driver::<dyn HostConnector>("hosts", &host.hypervisor_type)
    }
}
