//! Saying why no host takes a VM.

use cumulo_contracts::{message::host::HostVerdict, resource::Host};
use cumulo_schema::{ErrorCode, Uuid, codes};
use serde_json::{Map, json};

use crate::capacity::Need;

/// Hosts named in the sentence; all of them are in the facts beside it.
const NAMED: usize = 10;

/// Why one host does not take it.
#[derive(Debug)]
pub(super) struct Refusal {
    host: Uuid,
    name: String,
    filter: &'static str,
    reason: String,
    lacking: Need,
}

impl Refusal {
    pub(super) fn new(host: &Host, filter: &'static str, reason: String, lacking: Need) -> Self {
        Self { host: host.uuid, name: host.name.clone(), filter, reason, lacking }
    }

    pub(super) fn verdict(self) -> HostVerdict {
        HostVerdict {
            host_uuid: self.host,
            name: self.name,
            refused_by: Some(self.filter.to_owned()),
            reason: Some(self.reason),
            lacking_cpu: self.lacking.cpu,
            lacking_memory: self.lacking.memory,
        }
    }
}

/// Nobody is left. Who came furthest is named first: that is what is easiest to change.
pub(super) fn none_left(refusals: Vec<Refusal>) -> ErrorCode {
    if refusals.is_empty() {
        return ErrorCode::new(codes::HOST_ALLOCATION_NONE, "no host takes the VM: there is no host; add one");
    }
    let named: Vec<_> = refusals
        .iter()
        .rev()
        .take(NAMED)
        .map(|refusal| format!("'{}' {} [{}]", refusal.name, refusal.reason, refusal.filter))
        .collect();
    let more = match refusals.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let details = format!("no host takes the VM: {}{more}", named.join("; "));
    let facts: Map<_, _> = refusals
        .into_iter()
        .map(|refusal| {
            let fact = json!({ "name": refusal.name, "filter": refusal.filter, "reason": refusal.reason });
            (refusal.host.to_string(), fact)
        })
        .collect();
    ErrorCode::new(codes::HOST_ALLOCATION_NONE, details).with("hosts", facts)
}

/// There were hosts, and each time others took the room first.
pub(super) fn all_lost() -> ErrorCode {
    let details = "no host takes the VM: every one that had room was filled by others at the same time; try again";
    ErrorCode::new(codes::HOST_ALLOCATION_NONE, details)
}
