//! Backup storages: where images are kept, whether they answer, and what room they have.
//!
//! What a storage is made of is its driver's business (`BackupStorageDriver`); this service keeps the record, and looks now
//! and then whether the storage still answers. Connecting, refreshing and looking at one storage happen one after another,
//! in a lane of its own, so that a slow answer never overwrites a newer one.

mod add_sftp;
mod add_simulator;
mod change_state;
mod config;
mod connect;
mod delete;
mod get_capacity;
mod get_types;
mod ping;
mod reconnect;
mod refresh;
mod store;
mod update;
mod update_sftp;
mod zone;

use std::sync::Arc;

use cumulo_contracts::{
    api::backup_storage::{
        AddSftpBackupStorage, AddSimulatorBackupStorage, AttachBackupStorageToZone, ChangeBackupStorageState,
        DeleteBackupStorage, DetachBackupStorageFromZone, GetBackupStorageCapacity, GetBackupStorageTypes,
        QueryBackupStorage, QuerySftpBackupStorage, ReconnectBackupStorage, ReconnectSftpBackupStorage,
        UpdateBackupStorage, UpdateSftpBackupStorage,
    },
    ext::storage::BackupStorageDriver,
    message::backup_storage::RefreshBackupStorage,
    resource::BackupStorage,
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, ErrorCode, Resource, Uuid};

pub use add_sftp::AddBackupStorage;
use store::Store;

/// The backup storage service.
struct BackupStorages {
    kernel: Kernel,
    store: Store,
}

impl BackupStorages {
    fn new(kernel: Kernel) -> Self {
        Self { store: Store::new(kernel.db().clone()), kernel }
    }

    fn driver(&self, kind: &str) -> Result<Arc<dyn BackupStorageDriver>, ErrorCode> {
        self.kernel.registry().driver::<dyn BackupStorageDriver>("backup storage", kind)
    }

    fn lane(storage: Uuid) -> String {
        format!("backup-storage:{storage}")
    }
}

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let service = Arc::new(BackupStorages::new(setup.kernel().clone()));
    setup
        .migrations(&[
            Migration {
                name: "20261121_0150_backup_storage",
                sql: include_str!("../migrations/20261121_0150_backup_storage.sql"),
            },
            Migration {
                name: "20261121_0151_backup_storage_names",
                sql: include_str!("../migrations/20261121_0151_backup_storage_names.sql"),
            },
        ])
        .configs(config::CONFIGS)
        .api::<AddSftpBackupStorage>(service.clone())
        .api::<AddSimulatorBackupStorage>(service.clone())
        .api::<UpdateBackupStorage>(service.clone())
        .api::<UpdateSftpBackupStorage>(service.clone())
        .api::<ChangeBackupStorageState>(service.clone())
        .api::<ReconnectBackupStorage>(service.clone())
        .api::<ReconnectSftpBackupStorage>(service.clone())
        .api::<DeleteBackupStorage>(service.clone())
        .api::<AttachBackupStorageToZone>(service.clone())
        .api::<DetachBackupStorageFromZone>(service.clone())
        .api::<GetBackupStorageCapacity>(service.clone())
        .api::<GetBackupStorageTypes>(service.clone())
        .query(QueryBackupStorage::META)
        .query(QuerySftpBackupStorage::META)
        .message::<RefreshBackupStorage>(service.clone())
        .cascade(BackupStorage::META, &[], service.clone())
        .step(add_sftp::Record(service.clone()))
        .step(add_sftp::Connect(service.clone()))
        .step(add_sftp::MarkConnected(service));
}

/// Starts what the service does by itself; call once the kernel has started.
pub fn start(kernel: &Kernel) {
    kernel.spawn(ping::run(BackupStorages::new(kernel.clone())));
}
