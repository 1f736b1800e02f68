//! Figures from two readings: what grew in between, by the second.
//!
//! A counter that is smaller than before began anew (a VM was restarted, a device was replaced): its figure is 0 once,
//! rather than a wild one. A device or VM that was not there before has no figure yet.

use std::collections::BTreeMap;

use cumulo_proto::{Measurement, Memory, Usage};

use super::{CpuCounters, DiskCounters, HostCounters, NicCounters, Reading, VmCounters};

/// What was used from `before` to `now`.
pub(super) fn between(before: &Reading, now: &Reading) -> Vec<Usage> {
    let seconds = now.at.duration_since(before.at).as_secs_f64();
    if seconds <= 0.0 {
        return Vec::new();
    }
    let mut usages = vec![Usage { vm_uuid: String::new(), measurements: host(&before.host, &now.host, seconds) }];
    for (uuid, counters) in &now.vms {
        if let Some(before) = before.vms.get(uuid) {
            usages.push(Usage { vm_uuid: uuid.to_string(), measurements: vm(before, counters, seconds) });
        }
    }
    usages
}

/// A figure, and the counter that it follows from.
type Flow<C> = (&'static str, fn(C) -> u64);

#[derive(Default)]
struct Figures(Vec<Measurement>);

impl Figures {
    fn add(&mut self, metric: &str, device: &str, value: f64) {
        self.0.push(Measurement { metric: metric.to_owned(), device: device.to_owned(), value });
    }

    fn memory(&mut self, memory: Memory) {
        let used = memory.total.saturating_sub(memory.available);
        self.add("MemoryUsedBytes", "", float(used));
        self.add("MemoryFreeBytes", "", float(memory.available));
        self.add("MemoryUsedInPercent", "", percent(used, memory.total));
    }

    /// Of each device and of all of them.
    fn flows<C: Copy>(
        &mut self,
        (before, now, seconds): (&BTreeMap<String, C>, &BTreeMap<String, C>, f64),
        of: &str,
        figures: &[Flow<C>],
    ) {
        for (name, counter) in figures {
            let mut all = 0.0;
            for (device, counters) in now {
                let Some(old) = before.get(device) else { continue };
                let flow = float(counter(*counters).saturating_sub(counter(*old))) / seconds;
                self.add(&format!("{of}{name}"), device, flow);
                all += flow;
            }
            self.add(&format!("{of}All{name}"), "", all);
        }
    }
}

const DISK: [Flow<DiskCounters>; 4] = [
    ("ReadBytes", |disk| disk.read_bytes),
    ("WriteBytes", |disk| disk.written_bytes),
    ("ReadOps", |disk| disk.reads),
    ("WriteOps", |disk| disk.writes),
];

const NETWORK: [Flow<NicCounters>; 6] = [
    ("InBytes", |nic| nic.in_bytes),
    ("OutBytes", |nic| nic.out_bytes),
    ("InPackets", |nic| nic.in_packets),
    ("OutPackets", |nic| nic.out_packets),
    ("InErrors", |nic| nic.in_errors),
    ("OutErrors", |nic| nic.out_errors),
];

fn vm(before: &VmCounters, now: &VmCounters, seconds: f64) -> Vec<Measurement> {
    let mut figures = Figures::default();
    let used = now.cpu_time.saturating_sub(before.cpu_time).as_secs_f64() / seconds * 100.0;
    let all = used.clamp(0.0, 100.0 * f64::from(now.cpus.max(1)));
    figures.add("CPUAllUsedUtilization", "", all);
    figures.add("CPUAverageUsedUtilization", "", all / f64::from(now.cpus.max(1)));
    if now.cpus == 1 {
        // libvirt's binding tells the time of all CPUs together, which is that of the only one.
        figures.add("CPUUsedUtilization", "0", all);
    }
    figures.memory(now.memory);
    figures.flows((&before.disks, &now.disks, seconds), "Disk", &DISK);
    figures.flows((&before.nics, &now.nics, seconds), "Network", &NETWORK[..4]);
    figures.0
}

fn host(before: &HostCounters, now: &HostCounters, seconds: f64) -> Vec<Measurement> {
    let mut figures = Figures::default();
    let mut all = CpuCounters::default();
    for (n, (old, new)) in before.cpus.iter().zip(&now.cpus).enumerate() {
        let spent = CpuCounters {
            used: new.used.saturating_sub(old.used),
            waiting: new.waiting.saturating_sub(old.waiting),
            total: new.total.saturating_sub(old.total),
        };
        figures.add("CPUUsedUtilization", &n.to_string(), percent(spent.used, spent.total));
        all = CpuCounters {
            used: all.used + spent.used,
            waiting: all.waiting + spent.waiting,
            total: all.total + spent.total,
        };
    }
    figures.add("CPUAverageUsedUtilization", "", percent(all.used, all.total));
    figures.add("CPUAverageWaitUtilization", "", percent(all.waiting, all.total));
    figures.memory(now.memory);
    figures.flows((&before.disks, &now.disks, seconds), "Disk", &DISK);
    figures.flows((&before.nics, &now.nics, seconds), "Network", &NETWORK);
    for space in &now.file_systems {
        let used = space.total.saturating_sub(space.available);
        figures.add("DiskUsedCapacityInBytes", &space.path, float(used));
        figures.add("DiskFreeCapacityInBytes", &space.path, float(space.available));
        figures.add("DiskUsedCapacityInPercent", &space.path, percent(used, space.total));
    }
    figures.0
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (float(part) / float(whole) * 100.0).min(100.0) }
}

/// Exact up to 8 PiB.
#[allow(clippy::cast_precision_loss, reason = "a figure that large needs no last digit")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn figure(usage: &Usage, metric: &str, device: &str) -> Option<f64> {
        let found = usage.measurements.iter().find(|m| m.metric == metric && m.device == device);
        found.map(|measurement| measurement.value)
    }

    #[test]
    fn what_grew_is_told_by_the_second() {
        let start = Instant::now();
        let uuid: crate::ObjectId = "a0000000000000000000000000000001".try_into().unwrap();
        let reading = |seconds: u64, cpu_ms: u64, written: u64, disk: &str| Reading {
            at: start + Duration::from_secs(seconds),
            host: HostCounters {
                cpus: vec![CpuCounters { used: cpu_ms, waiting: 0, total: seconds * 1000 }; 2],
                ..HostCounters::default()
            },
            vms: BTreeMap::from([(
                uuid.clone(),
                VmCounters {
                    cpus: 1,
                    cpu_time: Duration::from_millis(cpu_ms),
                    memory: Memory { total: 400, available: 100 },
                    disks: [(disk.to_owned(), DiskCounters { written_bytes: written, ..Default::default() })].into(),
                    nics: BTreeMap::new(),
                },
            )]),
        };
        let usages = between(&reading(0, 0, 50, "vda"), &reading(10, 2500, 1050, "vda"));
        let [host, vm] = usages.as_slice() else { panic!("{usages:?}") };
        assert_eq!(figure(host, "CPUUsedUtilization", "1"), Some(25.0));
        assert_eq!(figure(host, "CPUAverageUsedUtilization", ""), Some(25.0));
        assert_eq!(figure(vm, "CPUUsedUtilization", "0"), Some(25.0));
        assert_eq!(figure(vm, "MemoryUsedInPercent", ""), Some(75.0));
        assert_eq!(figure(vm, "DiskWriteBytes", "vda"), Some(100.0));
        assert_eq!(figure(vm, "DiskAllWriteBytes", ""), Some(100.0));

        let usages = between(&reading(10, 2500, 1050, "vda"), &reading(20, 0, 0, "vda"));
        assert_eq!(figure(&usages[1], "DiskWriteBytes", "vda"), Some(0.0), "it was restarted");
        assert_eq!(figure(&usages[1], "CPUAllUsedUtilization", ""), Some(0.0));
        let usages = between(&reading(10, 0, 0, "vda"), &reading(20, 0, 900, "vdb"));
        assert_eq!(figure(&usages[1], "DiskWriteBytes", "vdb"), None, "it is new");
    }
}
