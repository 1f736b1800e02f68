//! Primary storage on the disks of hosts: a folder that every host of a cluster has.
//!
//! Space is counted per host, and a volume can only be used on the host whose disk it is on. Volumes are qcow2 files on top
//! of one cached copy of their image per host; the copy is fetched by the first volume that needs it, and the others wait
//! for that one fetch ([`cache`]).

mod cache;
mod driver;
mod export;
mod store;

use std::sync::Arc;

use cumulo_contracts::{
    api::primary_storage::{QueryImageCache, QueryLocalStorageResourceRef},
    ext::storage::{PrimaryStorageDriver, VolumeExporter},
};
use cumulo_gateway::Gateway;
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::Api;

use store::Store;

/// The primary storage type this plugin serves.
pub const TYPE: &str = "LocalStorage";

const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "20261121_0175_local_storage",
        sql: include_str!("../migrations/20261121_0175_local_storage.sql"),
    },
    Migration {
        name: "20261121_0176_image_cache_host",
        sql: include_str!("../migrations/20261121_0176_image_cache_host.sql"),
    },
];

struct LocalStorage {
    kernel: Kernel,
    gateway: Gateway,
    store: Store,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    let kernel = setup.kernel().clone();
    let local = Arc::new(LocalStorage { store: Store::new(kernel.db().clone()), kernel, gateway });
    setup
        .migrations(MIGRATIONS)
        .query(QueryLocalStorageResourceRef::META)
        .query(QueryImageCache::META)
        .driver::<dyn PrimaryStorageDriver>(TYPE, local.clone())
        .driver::<dyn VolumeExporter>(TYPE, local);
}
