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

fn lacks(host: &Host, need: Need) -> Option<String> {
    let (cpu, memory) = (host.available_cpu_capacity, host.available_memory_capacity);
    let mut lacking = Vec::new();
    if need.cpu > cpu {
        lacking.push(format!("{} CPUs ({cpu} of {} free)", need.cpu - cpu, host.total_cpu_capacity));
    }
    if need.memory > memory {
        let (short, free, total) = (mib_up(need.memory - memory), mib(memory), mib(host.total_memory_capacity));
        lacking.push(format!("{short} MiB of memory ({free} of {total} MiB free)"));
    }
    (!lacking.is_empty()).then(|| format!("lacks {}", lacking.join(" and ")))
}

fn mib(bytes: i64) -> i64 {
    bytes.div_euclid(1 << 20)
}

/// Rounded up, so that what is missing is never said to be nothing.
fn mib_up(bytes: i64) -> i64 {
    mib(bytes.saturating_add((1 << 20) - 1))
}
