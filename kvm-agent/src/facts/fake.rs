//! Fake [`Facts`]: as told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use async_trait::async_trait;
use cumulo_proto::{Memory, kvm::Virtualization};

use super::{Facts, Machine, Proven};
use crate::{
    HostError,
    usage::{CpuCounters, HostCounters},
};

/// Facts of a machine that is not there. Clones are the same machine.
#[derive(Debug, Clone)]
pub struct FakeFacts {
    /// What does not change.
    pub machine: Machine,
    /// Memory in all, bytes.
    pub total_memory: u64,
    available: Arc<AtomicU64>,
    since: Instant,
}

impl FakeFacts {
    /// A host with `cpus` CPUs and `memory` bytes.
    pub fn new(hostname: &str, cpus: u32, memory: u64) -> Self {
        let machine = Machine {
            hostname: hostname.to_owned(),
            cpus,
            mhz: 2400,
            sockets: 2,
            cpu_model: "Simulated CPU @ 2.40GHz".to_owned(),
            arch: "x86_64".to_owned(),
            os: "debian".to_owned(),
            os_release: "bookworm".to_owned(),
            os_version: "12".to_owned(),
            kernel: "6.1.0-simulated".to_owned(),
            ips: Vec::new(),
        };
        Self { machine, total_memory: memory, available: Arc::new(AtomicU64::new(memory)), since: Instant::now() }
    }

    /// Memory that is available from now on, bytes.
    pub fn set_available(&self, bytes: u64) {
        self.available.store(bytes, Ordering::Relaxed);
    }
}

#[async_trait]
impl Facts for FakeFacts {
    async fn machine(&self) -> Result<Machine, HostError> {
        Ok(self.machine.clone())
    }

    async fn memory(&self) -> Result<Memory, HostError> {
        Ok(Memory { total: self.total_memory, available: self.available.load(Ordering::Relaxed) })
    }

    /// Each CPU works a quarter of its time.
    async fn counters(&self) -> Result<HostCounters, HostError> {
        let total = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let cpu = CpuCounters { used: total / 4, waiting: 0, total };
        let cpus = vec![cpu; usize::try_from(self.machine.cpus).unwrap_or(0)];
        Ok(HostCounters { cpus, memory: self.memory().await?, ..HostCounters::default() })
    }

    async fn virtualization(&self) -> Result<Proven, HostError> {
        Ok(Proven { virtualization: Virtualization::Qemu, reason: "it is simulated".to_owned() })
    }
}
