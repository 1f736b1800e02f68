//! Who of several hosts gets a VM.

use cumulo_contracts::resource::Host;
use rand::seq::SliceRandom;

/// The one with the fewest VMs first; among equals chance decides, so that parallel requests spread.
pub(super) fn least_vms_first(mut hosts: Vec<Host>) -> Vec<Host> {
    hosts.shuffle(&mut rand::rng());
    hosts.sort_by_key(|host| host.vms);
    hosts
}
