//! What the host service itself holds against a host. In order, from what was asked for to what is there; the first
//! objection is the one that is told.

use cumulo_contracts::{
    ext::host::HostRequest,
    resource::{Host, HostState, HostStatus},
};

use crate::capacity::Need;

/// Why `host` cannot take the VM: the filter's name, and the reason.
pub(super) fn refusal(host: &Host, request: &HostRequest, need: Need) -> Option<(&'static str, String)> {
    let said = |reason: &str| Some(reason.to_owned());
    let other = |wanted: Option<_>, is| wanted.is_some_and(|wanted| wanted != is);
    let designated = match () {
        () if other(request.host, host.uuid) => said("is not the host asked for"),
        () if other(request.cluster, host.cluster_uuid) => said("is not in the cluster asked for"),
        () if other(request.zone, host.zone_uuid) => said("is not in the zone asked for"),
        () if request.avoid.contains(&host.uuid) => said("is to be avoided"),
        () => None,
    };
    if let Some(reason) = designated {
        return Some(("designated-host", reason));
    }
    if host.state != HostState::Enabled {
        return Some(("state", format!("is in state {}", host.state)));
    }
    if host.status != HostStatus::Connected {
        return Some(("status", format!("is {}", host.status)));
    }
    lacks(host, need).map(|reason| ("capacity", reason))
}

/// How much of `need` the host does not have free.
pub(super) fn lacking(host: &Host, need: Need) -> Need {
    Need {
        cpu: (need.cpu - host.available_cpu_capacity).max(0),
        memory: (need.memory - host.available_memory_capacity).max(0),
    }
}

fn lacks(host: &Host, need: Need) -> Option<String> {
    let (cpu, memory, short) = (host.available_cpu_capacity, host.available_memory_capacity, lacking(host, need));
    let mut lacks = Vec::new();
    if short.cpu > 0 {
        lacks.push(format!("{} CPUs ({cpu} of {} free)", short.cpu, host.total_cpu_capacity));
    }
    if short.memory > 0 {
        let (short, free, total) = (mib_up(short.memory), mib(memory), mib(host.total_memory_capacity));
        lacks.push(format!("{short} MiB of memory ({free} of {total} MiB free)"));
    }
    (!lacks.is_empty()).then(|| format!("lacks {}", lacks.join(" and ")))
}

fn mib(bytes: i64) -> i64 {
    bytes.div_euclid(1 << 20)
}

/// Rounded up, so that what is missing is never said to be nothing.
fn mib_up(bytes: i64) -> i64 {
    mib(bytes.saturating_add((1 << 20) - 1))
}
