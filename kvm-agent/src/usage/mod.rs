//! What the host and its VMs use: counters as the machine keeps them, and the figures that follow from two readings.
//!
//! The doors only read counters ([`HostCounters`], [`VmCounters`]); what is made of them is here, so that a simulated host
//! tells figures by the same code as a real one.

mod figures;
mod machine;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cumulo_agent_rt::{AgentError, Chain, SampleSource};
use cumulo_proto::{Memory, StorageCapacity, Usage};
use tracing::warn;

use crate::{KvmHost, ObjectId};

pub(crate) use machine::{cpus, disks, nics};

/// Since when somewhere in the past; grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskCounters {
    /// Bytes.
    pub read_bytes: u64,
    /// Bytes.
    pub written_bytes: u64,
    /// Operations.
    pub reads: u64,
    /// Operations.
    pub writes: u64,
}

/// Of a network device, as its owner sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NicCounters {
    /// Bytes received.
    pub in_bytes: u64,
    /// Bytes sent.
    pub out_bytes: u64,
    /// Packets received.
    pub in_packets: u64,
    /// Packets sent.
    pub out_packets: u64,
    /// Packets not received.
    pub in_errors: u64,
    /// Packets not sent.
    pub out_errors: u64,
}

/// Time that a CPU spent, in ticks of any length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuCounters {
    /// Working.
    pub used: u64,
    /// Waiting for a disk.
    pub waiting: u64,
    /// In all.
    pub total: u64,
}

/// What a VM used since it was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VmCounters {
    /// Its virtual CPUs.
    pub cpus: u32,
    /// Time of all of them together.
    pub cpu_time: Duration,
    /// Its memory: as the guest tells it, or else as much as the host had to find for it.
    pub memory: Memory,
    /// By target device: `vda`.
    pub disks: BTreeMap<String, DiskCounters>,
    /// By tap device.
    pub nics: BTreeMap<String, NicCounters>,
}

/// What a host used since it was started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostCounters {
    /// Each of its logical CPUs.
    pub cpus: Vec<CpuCounters>,
    /// Its memory now.
    pub memory: Memory,
    /// By name: `sda`.
    pub disks: BTreeMap<String, DiskCounters>,
    /// By name: `eth0`.
    pub nics: BTreeMap<String, NicCounters>,
    /// Space now.
    pub file_systems: Vec<StorageCapacity>,
}

/// Everything at one moment.
struct Reading {
    at: Instant,
    host: HostCounters,
    vms: BTreeMap<ObjectId, VmCounters>,
}

/// Reads counters and tells what was used in between.
pub struct Meter {
    host: Arc<KvmHost>,
    last: Mutex<Option<Reading>>,
}

impl Meter {
    /// Of `host` and its VMs.
    pub fn new(host: Arc<KvmHost>) -> Self {
        Self { host, last: Mutex::default() }
    }

    async fn read(&self) -> Result<Reading, AgentError> {
        let host = &self.host;
        let mut counters = host.facts.counters().await?;
        for root in host.roots.all() {
            match host.disks.capacity(&root).await {
                Ok(capacity) => counters.file_systems.push(capacity),
                Err(error) => warn!(error = %Chain(&error), "could not look at a storage"),
            }
        }
        // Without libvirt there are still figures of the host.
        let vms = host.domains.counters().await.unwrap_or_else(|error| {
            warn!(error = %Chain(&error), "could not measure the VMs");
            BTreeMap::new()
        });
        Ok(Reading { at: Instant::now(), host: counters, vms })
    }
}

#[async_trait]
impl SampleSource for Meter {
    async fn sample(&self) -> Result<Vec<Usage>, AgentError> {
        let now = self.read().await?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let usages = last.as_ref().map(|before| figures::between(before, &now)).unwrap_or_default();
        *last = Some(now);
        Ok(usages)
    }
}
