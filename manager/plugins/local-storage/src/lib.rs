//! Primary storage on the disks of hosts: a folder that every host of a cluster has.
//!
//! Space is counted per host, and a volume can only be used on the host whose disk it is on. Volumes are qcow2 files on top
//! of one cached copy of their image per host; the copy is fetched by the first volume that needs it, and the others wait
//! for that one fetch ([`cache`]).

mod cache;
mod cascade;
mod driver;
mod host;
mod store;

use std::sync::Arc;

use cumulo_contracts::{
    api::primary_storage::{QueryImageCache, QueryLocalStorageResourceRef},
    ext::{host::BeforeHostDelete, storage::PrimaryStorageDriver},
    resource::{ImageCache, LocalStorageResourceRef, PrimaryStorage},
};
use cumulo_gateway::Gateway;
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, Resource};

use store::Store;

/// The primary storage type this plugin serves.
pub const TYPE: &str = "LocalStorage";

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
        .migrations(&[Migration {
            name: "20261121_0175_local_storage",
            sql: include_str!("../migrations/20261121_0175_local_storage.sql"),
        }])
        .query(QueryLocalStorageResourceRef::META)
        .query(QueryImageCache::META)
        .driver::<dyn PrimaryStorageDriver>(TYPE, local.clone())
        .add::<dyn BeforeHostDelete>(local.clone())
        .cascade(ImageCache::META, &[PrimaryStorage::META.vo], Arc::new(cascade::Cached(local.clone())))
        .cascade(LocalStorageResourceRef::META, &[PrimaryStorage::META.vo], Arc::new(cascade::Placed(local)));
}
