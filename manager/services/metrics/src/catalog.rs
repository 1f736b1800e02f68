//! Which metrics there are: their names and labels, as ZStack has them, and the numbers by which they are stored.
//!
//! A number once given stays: it is on disk. What an agent measures beyond this list is ignored.

use cumulo_schema::{ErrorCode, ResourceMeta};

/// What a metric is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Host,
    Vm,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Host, Self::Vm];

    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Host => "ZStack/Host",
            Self::Vm => "ZStack/VM",
        }
    }

    /// The label that says which host or VM.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Host => "HostUuid",
            Self::Vm => "VMUuid",
        }
    }

    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Host => 0,
            Self::Vm => 1,
        }
    }

    pub(crate) fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// # Errors
    /// SYS.1007 where there is no such namespace.
    pub(crate) fn of_namespace(name: &str) -> Result<Self, ErrorCode> {
        Self::ALL.into_iter().find(|kind| kind.namespace() == name).ok_or_else(|| {
            let name: String = name.chars().take(60).collect();
            ErrorCode::invalid(format!(
                "there are no metrics in the namespace '{name}'; there is ZStack/VM and ZStack/Host"
            ))
        })
    }

    /// What rows of `resource` stand for; `None` where nothing is measured of them.
    pub(crate) fn of_resource(resource: &ResourceMeta) -> Option<Self> {
        match resource.name {
            "VmInstance" => Some(Self::Vm),
            "Host" | "KVMHost" | "SimulatorHost" => Some(Self::Host),
            _ => None,
        }
    }
}

/// A metric.
#[derive(Debug)]
pub(crate) struct Metric {
    /// On disk.
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    /// The label that says which CPU, disk or the like.
    pub(crate) device: Option<&'static str>,
    pub(crate) of: &'static [Kind],
}

const BOTH: &[Kind] = &Kind::ALL;
const HOST: &[Kind] = &[Kind::Host];
const VM: &[Kind] = &[Kind::Vm];
const CPU: Option<&str> = Some("CPUNum");
const DISK: Option<&str> = Some("DiskDeviceLetter");
const NIC: Option<&str> = Some("NetworkDeviceLetter");
const MOUNT: Option<&str> = Some("MountPoint");

const fn metric(number: u32, name: &'static str, device: Option<&'static str>, of: &'static [Kind]) -> Metric {
    Metric { number, name, device, of }
}

/// All there are.
pub(crate) const METRICS: &[Metric] = &[
    metric(1, "CPUUsedUtilization", CPU, BOTH),
    metric(2, "CPUAverageUsedUtilization", None, BOTH),
    metric(3, "CPUAllUsedUtilization", None, VM),
    metric(4, "CPUAverageWaitUtilization", None, HOST),
    metric(10, "MemoryUsedBytes", None, BOTH),
    metric(11, "MemoryFreeBytes", None, BOTH),
    metric(12, "MemoryUsedInPercent", None, BOTH),
    metric(20, "DiskReadBytes", DISK, BOTH),
    metric(21, "DiskWriteBytes", DISK, BOTH),
    metric(22, "DiskReadOps", DISK, BOTH),
    metric(23, "DiskWriteOps", DISK, BOTH),
    metric(24, "DiskAllReadBytes", None, BOTH),
    metric(25, "DiskAllWriteBytes", None, BOTH),
    metric(26, "DiskAllReadOps", None, BOTH),
    metric(27, "DiskAllWriteOps", None, BOTH),
    metric(30, "DiskUsedCapacityInBytes", MOUNT, HOST),
    metric(31, "DiskFreeCapacityInBytes", MOUNT, HOST),
    metric(32, "DiskUsedCapacityInPercent", MOUNT, HOST),
    metric(40, "NetworkInBytes", NIC, BOTH),
    metric(41, "NetworkOutBytes", NIC, BOTH),
    metric(42, "NetworkInPackets", NIC, BOTH),
    metric(43, "NetworkOutPackets", NIC, BOTH),
    metric(44, "NetworkInErrors", NIC, HOST),
    metric(45, "NetworkOutErrors", NIC, HOST),
    metric(50, "NetworkAllInBytes", None, BOTH),
    metric(51, "NetworkAllOutBytes", None, BOTH),
    metric(52, "NetworkAllInPackets", None, BOTH),
    metric(53, "NetworkAllOutPackets", None, BOTH),
    metric(54, "NetworkAllInErrors", None, HOST),
    metric(55, "NetworkAllOutErrors", None, HOST),
];

/// The metric `name` of `kind`.
pub(crate) fn named(kind: Kind, name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name && metric.of.contains(&kind))
}

/// The metric that is stored as `number`.
pub(crate) fn numbered(number: u32) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.number == number)
}

/// As [`named`].
///
/// # Errors
/// SYS.1007 with the nearest name where there is none.
pub(crate) fn asked(kind: Kind, name: &str) -> Result<&'static Metric, ErrorCode> {
    named(kind, name).ok_or_else(|| {
        let of_kind = METRICS.iter().filter(|metric| metric.of.contains(&kind));
        let nearest = of_kind
            .min_by_key(|metric| strsim::damerau_levenshtein(metric.name, &name.chars().take(64).collect::<String>()));
        let nearest = nearest.map_or("", |metric| metric.name);
        let name: String = name.chars().take(60).collect();
        ErrorCode::invalid(format!("{} has no metric '{name}'; did you mean {nearest}?", kind.namespace()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_distinct() {
        for (n, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..n].iter().all(|other| other.number < metric.number && other.name != metric.name));
            assert_eq!(numbered(metric.number).map(|found| found.name), Some(metric.name));
        }
        let refused = asked(Kind::Vm, "CPUUsedUtilisation").expect_err("no such metric");
        assert!(refused.details.contains("CPUUsedUtilization"), "{refused:?}");
        assert!(asked(Kind::Vm, "ä".repeat(100).as_str()).is_err());
        assert!(asked(Kind::Vm, "MemoryUsedBytes").is_ok() && asked(Kind::Vm, "CPUAverageWaitUtilization").is_err());
    }
}
