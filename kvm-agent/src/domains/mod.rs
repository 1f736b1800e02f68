//! Virtual machines: what should run ([`DomainSpec`]), and the door to libvirt ([`Domains`]).
//!
//! The door has libvirt's own small verbs; what they add up to (start what is missing, resume what is paused) is in
//! [`run`] and shared with the simulated host.

#[cfg(feature = "sim")]
mod fake;
mod firmware;
mod real;
pub mod run;
mod spec;
mod state;
mod stats;
mod xml;

use std::collections::BTreeMap;

use async_trait::async_trait;

#[cfg(feature = "sim")]
pub use fake::{FakeDomain, FakeDomains};
pub use real::Libvirt;
pub use spec::{
    Bus, Cache, CdromSpec, ConsoleSpec, DiskSpec, DomainSpec, Link, NicModel, NicSpec, Topology, Virtualization,
};
pub use state::{DomainState, Verb};
pub use xml::domain_xml;

use crate::{HostError, Mac, ObjectId, usage::VmCounters};

/// The door to the hypervisor.
#[async_trait]
pub trait Domains: Send + Sync {
    /// The VMs of ours that the host has, running or not.
    async fn list(&self) -> Result<BTreeMap<ObjectId, DomainState>, HostError>;
    /// The state of one; `None` where the host does not have it.
    async fn state(&self, vm: &ObjectId) -> Result<Option<DomainState>, HostError>;
    /// Defines a VM that does not run, or replaces its definition.
    async fn define(&self, spec: &DomainSpec) -> Result<(), HostError>;
    /// Does one of the verbs of [`DomainState::after`].
    async fn act(&self, vm: &ObjectId, verb: Verb) -> Result<(), HostError>;
    /// Plugs a NIC into a VM wherever it is missing: into the running guest, and into what the next start has.
    async fn plug(&self, vm: &ObjectId, nic: &NicSpec) -> Result<(), HostError>;
    /// Takes a NIC out of what the next start has, and asks a running guest to let go of it, which may take a while.
    async fn unplug(&self, vm: &ObjectId, mac: &Mac) -> Result<(), HostError>;
    /// Whether a VM has a NIC now, running or not.
    async fn has_nic(&self, vm: &ObjectId, mac: &Mac) -> Result<bool, HostError>;
    /// Makes the link of a NIC what `link` says, in the running guest and in what the next start has.
    async fn set_link(&self, vm: &ObjectId, mac: &Mac, link: Link) -> Result<(), HostError>;
    /// Makes what is in a drive of a VM what `cdrom` says, in the running guest and in what the next start has.
    async fn load(&self, vm: &ObjectId, cdrom: &CdromSpec) -> Result<(), HostError>;
    /// The port its VNC server listens at, 0 where there is none.
    async fn vnc_port(&self, vm: &ObjectId) -> Result<u16, HostError>;
    /// What those VMs of ours that run or are paused used so far.
    async fn counters(&self) -> Result<BTreeMap<ObjectId, VmCounters>, HostError>;
    /// Versions of libvirt and QEMU.
    async fn versions(&self) -> Result<(String, String), HostError>;
}
