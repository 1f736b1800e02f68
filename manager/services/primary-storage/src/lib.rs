//! Primary storages: where volumes are, who sees them, and how much room is left.
//!
//! The service counts space; what a storage is made of is its driver's business (`PrimaryStorageDriver`). Two ways of
//! counting: a storage that each host has a part of (local disks) has a row a host in `local_storage_host_ref`, and its
//! own row holds the sums; a shared one has its own row only.
//!
//! **Space is held, not measured.** A volume holds its full size from before it is made until after it is gone, in a
//! reservation row written in the same batch that takes the space off the counter, and that batch demands that enough is
//! left. So parallel requests never overbook, nobody counts volumes, and asking twice for one volume holds once. What the
//! disks really have free is read at every connection and shown as physical capacity.

mod add_local;
mod add_simulator;
mod allocate;
mod attach;
mod cache_space;
mod candidates;
mod change_state;
mod config;
mod connect;
mod delete;
mod detach;
mod get_capacity;
mod get_types;
mod host;
mod host_filter;
mod offers;
mod reconnect;
mod release;
mod rounds;
mod size;
mod store;
mod update;

use std::sync::Arc;

use cumulo_contracts::{
    api::primary_storage::{
        AddLocalPrimaryStorage, AddSimulatorPrimaryStorage, AttachPrimaryStorageToCluster, ChangePrimaryStorageState,
        DeletePrimaryStorage, DetachPrimaryStorageFromCluster, GetPrimaryStorageCapacity, GetPrimaryStorageTypes,
        QueryPrimaryStorage, ReconnectPrimaryStorage, UpdatePrimaryStorage,
    },
    ext::{
        host::{HostFilter, OnHostConnected},
        storage::PrimaryStorageDriver,
    },
    message::storage::{
        AllocateVolumeSpace, CandidateStorages, HoldCacheSpace, LocateVolumeSpace, ReleaseCacheSpace,
        ReleaseVolumeSpace,
    },
    resource::{Host, PrimaryStorage, Zone},
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, ErrorCode, Resource};

pub use attach::AttachStorage;
use store::{StorageReservation, Store};

/// The primary storage service.
struct PrimaryStorages {
    kernel: Kernel,
    store: Store,
}

impl PrimaryStorages {
    fn new(kernel: Kernel) -> Self {
        Self { store: Store::new(kernel.db().clone()), kernel }
    }

    fn driver(&self, kind: &str) -> Result<Arc<dyn PrimaryStorageDriver>, ErrorCode> {
        self.kernel.registry().driver::<dyn PrimaryStorageDriver>("primary storage", kind)
    }
}

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let service = Arc::new(PrimaryStorages::new(setup.kernel().clone()));
    setup
        .resources(&[StorageReservation::META])
        .migrations(&[
            Migration {
                name: "20261121_0170_primary_storage",
                sql: include_str!("../migrations/20261121_0170_primary_storage.sql"),
            },
            Migration {
                name: "20261121_0171_primary_storage_names",
                sql: include_str!("../migrations/20261121_0171_primary_storage_names.sql"),
            },
        ])
        .configs(config::CONFIGS)
        .api::<AddLocalPrimaryStorage>(service.clone())
        .api::<AddSimulatorPrimaryStorage>(service.clone())
        .api::<UpdatePrimaryStorage>(service.clone())
        .api::<ChangePrimaryStorageState>(service.clone())
        .api::<ReconnectPrimaryStorage>(service.clone())
        .api::<DeletePrimaryStorage>(service.clone())
        .api::<AttachPrimaryStorageToCluster>(service.clone())
        .api::<DetachPrimaryStorageFromCluster>(service.clone())
        .api::<GetPrimaryStorageCapacity>(service.clone())
        .api::<GetPrimaryStorageTypes>(service.clone())
        .query(QueryPrimaryStorage::META)
        .message::<AllocateVolumeSpace>(service.clone())
        .message::<CandidateStorages>(service.clone())
        .message::<LocateVolumeSpace>(service.clone())
        .message::<ReleaseVolumeSpace>(service.clone())
        .message::<HoldCacheSpace>(service.clone())
        .message::<ReleaseCacheSpace>(service.clone())
        .add::<dyn HostFilter>(service.clone())
        .add::<dyn OnHostConnected>(service.clone())
        .cascade(PrimaryStorage::META, &[Zone::META.vo, Host::META.vo], service.clone())
        .step(attach::RecordAttachment(service.clone()))
        .step(attach::ConnectHosts(service));
}

/// Starts what the service does by itself; call once the kernel has started.
pub fn start(kernel: &Kernel) {
    kernel.spawn(rounds::run(PrimaryStorages::new(kernel.clone())));
}
