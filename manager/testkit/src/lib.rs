//! A whole cloud in one process for tests: the real node, simulated hosts and storages, faults, flow checks.
//!
//! The node is the one that operators run, down to HTTP on loopback. Its agents are simulated: the real commands under the
//! real runtime, over fake doors (libvirt, disks, networks) that keep state and can be made to fail. So a test creates a VM
//! as a client does and looks at what exists on the host afterwards.
//!
//! [`World::cloud`] is made of those machines. [`World::simulated_cloud`] is made of what operators can simulate
//! themselves, by the simulator plugin: no agents there, and nothing of the KVM and storage plugins.

mod cloud;
mod faults;
mod rows;
mod sims;
mod simulated;
mod world;

pub use cloud::Cloud;
pub use faults::{Everywhere, Passed};
pub use rows::{alone, assert_same};
pub use sims::Sims;
pub use world::{Refused, World};
