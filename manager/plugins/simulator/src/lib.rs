//! Hosts and storages that there are not, so that a whole cloud runs on one machine without hardware, agents or root:
//! hypervisor type `Simulator`, storages `SimulatorPrimaryStorage` and `SimulatorBackupStorage`.
//!
//! For who writes against the API (SDKs, Terraform, scripts) and for trying things out. Everything above the drivers is
//! the real thing: placing, counting, flows, addresses. Below them is a little state of a world that is pretended, in
//! tables of its own: which VMs run on which host ([`SimulatorVm`]) and what was done to them ([`SimulatorTask`]), which
//! files are on which storage ([`SimulatorFile`]). Being in the database, that world outlives the management node as hardware would: a VM that ran
//! before a restart runs after it.
//!
//! The simulated agents of the tests (`SimHost` in the KVM agent, behind a feature) are another thing: they run the real
//! agent's commands over fake doors, to test manager and agent together. That would bring the agent and libvirt into the
//! manager's program, and its state is in memory. What plugins of networks tell agents needs no state here: the gateway
//! answers it ([`Gateway::simulate`]).

mod backup_storage;
mod filter;
mod host;
mod hypervisor;
mod power;
mod primary_storage;
mod store;
mod template;

use std::sync::Arc;

use cumulo_contracts::ext::{
    host::HostFilter,
    hypervisor::{HostConnector, Hypervisor, OsUpdater},
    storage::{BackupStorageDriver, ImageReceiver, PrimaryStorageDriver, VolumeExporter},
};
use cumulo_gateway::Gateway;
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::Resource;

pub use power::Power;
pub use store::{SimulatorFile, SimulatorStorage, SimulatorTask, SimulatorVm};

use store::Store;

/// The hypervisor type this plugin serves.
pub const HYPERVISOR: &str = "Simulator";
/// The primary storage type this plugin serves.
pub const PRIMARY_STORAGE: &str = "SimulatorPrimaryStorage";
/// The backup storage type this plugin serves.
pub const BACKUP_STORAGE: &str = "SimulatorBackupStorage";

const MIGRATIONS: &[Migration] = &[
    Migration { name: "20261121_0210_simulator", sql: include_str!("../migrations/20261121_0210_simulator.sql") },
    Migration {
        name: "20261121_0510_simulator_task",
        sql: include_str!("../migrations/20261121_0510_simulator_task.sql"),
    },
];

struct Simulator {
    kernel: Kernel,
    gateway: Gateway,
    store: Store,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    let kernel = setup.kernel().clone();
    let simulator = Arc::new(Simulator { store: Store::new(kernel.db().clone()), kernel, gateway });
    setup
        .migrations(MIGRATIONS)
        .resources(&[SimulatorVm::META, SimulatorStorage::META, SimulatorFile::META, SimulatorTask::META])
        .driver::<dyn HostConnector>(HYPERVISOR, simulator.clone())
        .driver::<dyn OsUpdater>(HYPERVISOR, simulator.clone())
        .driver::<dyn Hypervisor>(HYPERVISOR, simulator.clone())
        .driver::<dyn PrimaryStorageDriver>(PRIMARY_STORAGE, simulator.clone())
        .driver::<dyn BackupStorageDriver>(BACKUP_STORAGE, simulator.clone())
        .driver::<dyn VolumeExporter>(PRIMARY_STORAGE, simulator.clone())
        .driver::<dyn ImageReceiver>(BACKUP_STORAGE, simulator.clone())
        .add::<dyn HostFilter>(simulator);
}
