//! Who of several hosts gets a VM.

use std::collections::HashMap;

use cumulo_contracts::resource::Host;
use cumulo_schema::Uuid;
use rand::seq::SliceRandom;

/// The one with the fewest VMs first; among equals chance decides, so that parallel requests spread.
pub(super) fn least_vms_first(mut hosts: Vec<Host>, vms: &HashMap<Uuid, i64>) -> Vec<Host> {
    hosts.shuffle(&mut rand::rng());
    hosts.sort_by_key(|host| vms.get(&host.uuid).copied().unwrap_or(0));
    hosts
}
