//! What a node tells about itself and lets be changed: tags, settings, its own row and health, the debts of its garbage
//! collector, flows, long jobs and how far calls are, web hooks; and questions in ZQL.
//!
//! All of it is the kernel's; this service is only the API to it. [`start`] keeps the node's row, from which clients and,
//! with more nodes than one, the ring see who is there.

mod config;
mod flow;
mod gc;
mod kind;
mod long_job;
mod node;
mod progress;
mod tag;
mod timeline;
mod webhook;
mod zql;

use cumulo_kernel::Setup;

pub use node::start;

/// Installs the service.
pub fn install(setup: &mut Setup) {
    tag::install(setup);
    config::install(setup);
    node::install(setup);
    flow::install(setup);
    gc::install(setup);
    long_job::install(setup);
    progress::install(setup);
    timeline::install(setup);
    webhook::install(setup);
    zql::install(setup);
}
