//! Extension points: what plugins implement. Each says who calls it, when, and what an error does.
//!
//! Drivers are found by the type they serve (`registry.driver::<dyn Hypervisor>("hypervisor", "KVM")`); observers are asked
//! in the order in which `manager/app` installs them.

pub mod host;
pub mod hypervisor;
pub mod network;
pub mod storage;
pub mod tag;
pub mod vm;
