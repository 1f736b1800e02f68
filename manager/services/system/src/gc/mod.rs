//! Debts: what the node still has to clean up.

mod delete;
mod store;
mod trigger;

use std::sync::Arc;

use cumulo_contracts::api::management::{DeleteGCJob, QueryGCJob, TriggerGCJob};
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::Api;

use store::Store;

/// Answers the APIs of debts.
struct Debts {
    kernel: Kernel,
    store: Store,
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let debts = Arc::new(Debts { store: Store::new(kernel.db().clone()), kernel });
    setup.api::<TriggerGCJob>(debts.clone()).api::<DeleteGCJob>(debts).query(QueryGCJob::META);
}
