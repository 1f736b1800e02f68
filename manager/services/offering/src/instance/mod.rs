//! Instance offerings.

mod change_state;
mod create;
mod delete;
mod store;
mod update;

use std::sync::Arc;

use cumulo_contracts::{
    api::offering::{
        ChangeInstanceOfferingState, CreateInstanceOffering, DeleteInstanceOffering, QueryInstanceOffering,
        UpdateInstanceOffering,
    },
    ext::host::HOST_ALLOCATOR_STRATEGIES,
    resource::{Account, InstanceOffering},
};
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::{Api, ErrorCode, Resource};

use store::Store;

/// Answers the APIs of instance offerings.
struct InstanceOfferings {
    kernel: Kernel,
    store: Store,
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let offerings = Arc::new(InstanceOfferings { store: Store::new(kernel.db().clone()), kernel });
    setup
        .api::<CreateInstanceOffering>(offerings.clone())
        .api::<UpdateInstanceOffering>(offerings.clone())
        .api::<ChangeInstanceOfferingState>(offerings.clone())
        .api::<DeleteInstanceOffering>(offerings.clone())
        .query(QueryInstanceOffering::META)
        .cascade(InstanceOffering::META, &[Account::META.vo], offerings);
}

/// Refuses a strategy that host allocation does not know; otherwise the first VM of the offering would find out.
fn check_strategy(strategy: &str) -> Result<(), ErrorCode> {
    match HOST_ALLOCATOR_STRATEGIES.contains(&strategy) {
        true => Ok(()),
        false => {
            let known = HOST_ALLOCATOR_STRATEGIES.join(", ");
            Err(ErrorCode::invalid(format!("there is no allocatorStrategy '{strategy}'; there is: {known}")))
        }
    }
}
