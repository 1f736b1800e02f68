//! Long jobs. The kernel runs and records them; this is the API to them.

mod cancel;
mod cascade;
mod clean;
mod delete;
mod rerun;
mod store;
mod submit;
mod update;

use std::sync::Arc;

use cumulo_contracts::api::long_job::{
    CancelLongJob, CleanLongJob, DeleteLongJob, QueryLongJob, RerunLongJob, SubmitLongJob, UpdateLongJob,
};
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::{Api, Resource, system::LongJob};

use store::Store;

/// Answers the APIs of long jobs.
struct LongJobs {
    kernel: Kernel,
    store: Store,
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let jobs = Arc::new(LongJobs { store: Store::new(kernel.db().clone()), kernel });
    setup
        .api::<SubmitLongJob>(jobs.clone())
        .api::<CancelLongJob>(jobs.clone())
        .api::<CleanLongJob>(jobs.clone())
        .api::<RerunLongJob>(jobs.clone())
        .api::<UpdateLongJob>(jobs.clone())
        .api::<DeleteLongJob>(jobs.clone())
        .query(QueryLongJob::META)
        .cascade(LongJob::META, &[cascade::ACCOUNT], jobs);
}
