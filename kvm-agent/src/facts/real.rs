//! The real [`Facts`].

use std::{fs, sync::Arc};

use async_trait::async_trait;
use cumulo_proto::Memory;

use super::{Facts, Machine, Proven, VirtualizationProof, cpu, os};
use crate::{
    HostError,
    network::Netlink,
    usage::{self, HostCounters},
};

/// This machine.
pub struct MachineFacts {
    proof: Arc<VirtualizationProof>,
}

impl MachineFacts {
    /// With the proof that decides how VMs run.
    pub fn new(proof: Arc<VirtualizationProof>) -> Self {
        Self { proof }
    }
}

#[async_trait]
impl Facts for MachineFacts {
    async fn machine(&self) -> Result<Machine, HostError> {
        let max_khz = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
        let max_khz = max_khz.ok().and_then(|khz| khz.trim().parse().ok());
        let cpus = cpu::parse(&read("/proc/cpuinfo")?, max_khz);
        let release = read("/etc/os-release")?;
        let value = |key| os::release(&release, key).unwrap_or_else(|| "unknown".to_owned());
        Ok(Machine {
            hostname: read("/proc/sys/kernel/hostname")?.trim().to_owned(),
            cpus: cpus.count,
            mhz: cpus.mhz,
            sockets: cpus.sockets,
            cpu_model: cpus.model,
            arch: std::env::consts::ARCH.to_owned(),
            os: value("ID"),
            os_release: value("VERSION_CODENAME"),
            os_version: value("VERSION_ID"),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            ips: Netlink::open()?.global_ips().await?,
        })
    }

    async fn memory(&self) -> Result<Memory, HostError> {
        let text = read("/proc/meminfo")?;
        os::memory(&text)
            .ok_or_else(|| HostError::io("understand /proc/meminfo")(std::io::ErrorKind::InvalidData.into()))
    }

    async fn counters(&self) -> Result<HostCounters, HostError> {
        Ok(HostCounters {
            cpus: usage::cpus()?,
            memory: self.memory().await?,
            disks: usage::disks()?,
            nics: usage::nics()?,
            file_systems: Vec::new(),
        })
    }

    async fn virtualization(&self) -> Result<Proven, HostError> {
        self.proof.get().await
    }
}

fn read(path: &str) -> Result<String, HostError> {
    fs::read_to_string(path).map_err(HostError::io(format!("read {path}")))
}
