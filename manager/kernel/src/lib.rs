//! The management kernel: bus, ring, queues, flows, cascade, tags, query, configuration, jobs, portal. It knows no VM.
//!
//! Services and plugins fill a [`Setup`] with what they answer, declare and extend; [`Setup::start`] makes a running
//! [`Kernel`] of it. Everything that has to survive a crash is in the database before it is promised.

pub mod apart;
pub mod api;
pub mod bus;
pub mod cascade;
pub mod cluster;
pub mod config;
pub mod db;
pub mod faults;
pub mod flow;
pub mod gc;
pub mod hook;
mod kernel;
pub mod membership;
pub mod metrics;
pub mod ownership;
pub mod plan;
pub mod query;
pub mod queue;
pub mod quota;
pub mod registry;
pub mod ring;
pub mod rows;
mod setup;
pub mod tag;
pub mod timeline;
pub mod vault;
pub mod work;

pub(crate) use kernel::Installed;
pub use kernel::Kernel;
pub use setup::{Setup, StartError};
