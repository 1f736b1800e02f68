//! The kernel's counters, out of /proc.

use std::{collections::BTreeMap, fs, path::Path};

use procfs::{CurrentSI, KernelStats};

use super::{CpuCounters, DiskCounters, NicCounters};
use crate::HostError;

/// What /proc/diskstats counts in, whatever the disk has.
const SECTOR: u64 = 512;

pub(crate) fn cpus() -> Result<Vec<CpuCounters>, HostError> {
    let stats = KernelStats::current().map_err(unread("/proc/stat"))?;
    let counters = stats.cpu_time.iter().map(|cpu| {
        let waiting = cpu.iowait.unwrap_or(0);
        // Guests' time is part of user's already.
        let busy = [Some(cpu.user), Some(cpu.nice), Some(cpu.system), cpu.irq, cpu.softirq, cpu.steal];
        let used = busy.into_iter().flatten().sum();
        CpuCounters { used, waiting, total: used + waiting + cpu.idle }
    });
    Ok(counters.collect())
}

/// Whole disks that are no files themselves.
pub(crate) fn disks() -> Result<BTreeMap<String, DiskCounters>, HostError> {
    let disks = procfs::diskstats().map_err(unread("/proc/diskstats"))?.into_iter().filter(|disk| {
        let is_memory = ["loop", "ram", "zram"].iter().any(|kind| disk.name.starts_with(kind));
        !is_memory && Path::new("/sys/block").join(&disk.name).exists()
    });
    let counters = disks.map(|disk| {
        let counters = DiskCounters {
            read_bytes: disk.sectors_read * SECTOR,
            written_bytes: disk.sectors_written * SECTOR,
            reads: disk.reads,
            writes: disk.writes,
        };
        (disk.name, counters)
    });
    Ok(counters.collect())
}

/// Devices by which the host reaches others: neither loopback nor taps of VMs, nor what lies upon another device (bridges,
/// bonds, VLANs), whose packets are counted below already.
pub(crate) fn nics() -> Result<BTreeMap<String, NicCounters>, HostError> {
    let devices = procfs::net::dev_status().map_err(unread("/proc/net/dev"))?;
    let own =
        devices.into_iter().filter(|(name, _)| name != "lo" && is_outermost(&Path::new("/sys/class/net").join(name)));
    let counters = own.map(|(name, device)| {
        let counters = NicCounters {
            in_bytes: device.recv_bytes,
            out_bytes: device.sent_bytes,
            in_packets: device.recv_packets,
            out_packets: device.sent_packets,
            in_errors: device.recv_errs + device.recv_drop,
            out_errors: device.sent_errs + device.sent_drop,
        };
        (name, counters)
    });
    Ok(counters.collect())
}

fn is_outermost(device: &Path) -> bool {
    let lies_upon_another = || {
        let entries = fs::read_dir(device).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("lower_"))
    };
    !device.join("tun_flags").exists() && !device.join("bridge").exists() && !lies_upon_another()
}

fn unread(path: &'static str) -> impl FnOnce(procfs::ProcError) -> HostError {
    move |cause| HostError::io(format!("read {path}"))(std::io::Error::other(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_counters() {
        let cpus = cpus().unwrap();
        assert!(!cpus.is_empty() && cpus.iter().all(|cpu| cpu.total >= cpu.used));
        assert!(disks().unwrap().keys().all(|name| !name.starts_with("loop")));
        assert!(!nics().unwrap().contains_key("lo"));
    }
}
