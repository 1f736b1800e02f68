//! What the host is: CPU, memory, operating system, and whether KVM works on it.

mod cpu;
#[cfg(feature = "sim")]
mod fake;
mod os;
mod proof;
mod real;

use std::net::IpAddr;

use async_trait::async_trait;
use cumulo_proto::{Memory, kvm::Virtualization};

#[cfg(feature = "sim")]
pub use fake::FakeFacts;
pub use proof::VirtualizationProof;
pub use real::MachineFacts;

use crate::{HostError, usage::HostCounters};

/// Facts that do not change while the host runs, but for its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub hostname: String,
    /// Logical CPUs.
    pub cpus: u32,
    /// Their top speed.
    pub mhz: u32,
    /// CPU packages.
    pub sockets: u32,
    /// What they call themselves.
    pub cpu_model: String,
    /// `x86_64`, say.
    pub arch: String,
    /// `debian`, say.
    pub os: String,
    /// `bookworm`, say.
    pub os_release: String,
    /// `12`, say.
    pub os_version: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Addresses by which others reach it.
    pub ips: Vec<IpAddr>,
}

/// How VMs run on a host, and how that was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// How.
    pub virtualization: Virtualization,
    /// Why.
    pub reason: String,
}

/// The door to facts.
#[async_trait]
pub trait Facts: Send + Sync {
    /// What does not change.
    async fn machine(&self) -> Result<Machine, HostError>;
    /// Memory now.
    async fn memory(&self) -> Result<Memory, HostError>;
    /// What it used so far.
    async fn counters(&self) -> Result<HostCounters, HostError>;
    /// How VMs run.
    async fn virtualization(&self) -> Result<Proven, HostError>;
}
