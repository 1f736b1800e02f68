//! Disk offerings.

mod change_state;
mod create;
mod delete;
mod store;
mod update;

use std::sync::Arc;

use cumulo_contracts::{
    api::offering::{
        ChangeDiskOfferingState, CreateDiskOffering, DeleteDiskOffering, QueryDiskOffering, UpdateDiskOffering,
    },
    resource::{Account, DiskOffering},
};
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::{Api, Resource};

use store::Store;

/// Answers the APIs of disk offerings.
struct DiskOfferings {
    kernel: Kernel,
    store: Store,
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let offerings = Arc::new(DiskOfferings { store: Store::new(kernel.db().clone()), kernel });
    setup
        .api::<CreateDiskOffering>(offerings.clone())
        .api::<UpdateDiskOffering>(offerings.clone())
        .api::<ChangeDiskOfferingState>(offerings.clone())
        .api::<DeleteDiskOffering>(offerings.clone())
        .query(QueryDiskOffering::META)
        .cascade(DiskOffering::META, &[Account::META.vo], offerings);
}
