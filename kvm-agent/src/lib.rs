//! The agent on a KVM host: domains, disks, bridges, DHCP.
//!
//! [`KvmHost`] is a set of doors to the machine, each a narrow trait with a real and a fake side: libvirt
//! ([`domains`]), image files (`cumulo_agent_rt::storage`), bridges ([`network`]), DHCP and metadata per network
//! ([`dhcp`], [`userdata`]), images from backup storage ([`images`]), facts ([`facts`]), packages ([`packages`]). What is used is measured
//! through the same doors ([`usage`]). The commands, one file each in
//! `commands/`, are written against the doors, so that the simulated host (`sim`, behind a feature) runs the very same
//! ones.

mod commands;
mod config;
pub mod dhcp;
pub mod domains;
mod error;
pub mod facts;
mod host;
pub mod images;
mod names;
pub mod network;
pub mod packages;
mod report;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(test)]
mod snapshot;
pub mod usage;
pub mod userdata;

pub use commands::commands;
pub use config::{KvmConfig, Mode};
pub use error::HostError;
pub use host::KvmHost;
pub use names::{Hostname, IfName, Mac, ObjectId, OsRelease, PackageName, PackagePattern};
