//! Where there is room: of hosts, of storages, of addresses.

use std::collections::BTreeSet;

use super::{ADDRESSES, APART, Cloud, HOST, Size, VOLUMES, Vm};
use crate::op::{Id, NewVm, Switch};

/// What a VM needs where it starts.
pub(crate) struct Need {
    pub(crate) size: Size,
    pub(crate) l3s: Vec<Id>,
    /// Where its volume is, if it has one already.
    pub(crate) volume: Option<Id>,
    /// The host asked for.
    pub(crate) host: Option<Id>,
}

/// Which of several it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    None,
    One(Id),
    /// Any of several that are as good.
    Any,
}

/// The one of `candidates` with the least of something.
fn least(candidates: impl Iterator<Item = (usize, Id)>) -> Choice {
    let mut candidates: Vec<(usize, Id)> = candidates.collect();
    candidates.sort_unstable();
    match candidates[..] {
        [] => Choice::None,
        [(few, _), (as_few, _), ..] if few == as_few => Choice::Any,
        [(_, id), ..] => Choice::One(id),
    }
}

impl Cloud {
    /// What a new VM needs where it is made.
    pub(crate) fn need(&self, new: &NewVm) -> Need {
        Need { size: self.offerings[&new.offering], l3s: new.l3s.clone(), volume: None, host: new.host }
    }

    /// What `host` has left.
    pub(crate) fn left(&self, host: Id) -> Size {
        let on = || self.vms.values().filter(|vm| vm.host == Some(host) && self.is_heavy(vm));
        Size {
            cpus: HOST.cpus.saturating_sub(on().map(|vm| vm.size.cpus).sum()),
            memory: HOST.memory.saturating_sub(on().map(|vm| vm.size.memory).sum()),
        }
    }

    pub(crate) fn volumes(&self, primary: Id) -> usize {
        self.vms.values().filter(|vm| vm.primary == primary).count()
    }

    /// The host that a VM gets: of those that can take it the one with the fewest VMs.
    pub(crate) fn host_for(&self, need: &Need) -> Choice {
        let fit = self.hosts.keys().filter(|host| need.host.is_none_or(|asked| asked == **host));
        let fit = fit.filter(|host| self.fits(**host, need));
        least(fit.map(|host| (self.vms.values().filter(|vm| vm.is_up() && vm.host == Some(*host)).count(), *host)))
    }

    fn fits(&self, host: Id, need: &Need) -> bool {
        let cluster = self.hosts[&host].cluster;
        let left = self.left(host);
        [host, cluster, self.clusters[&cluster]].iter().all(|id| self.is_enabled(*id))
            && left.cpus >= need.size.cpus
            && left.memory >= need.size.memory
            && need.l3s.iter().all(|l3| self.is_in(*l3, cluster))
            && match need.volume {
                Some(primary) => {
                    self.primaries[&primary].clusters.contains(&cluster) && self.state(primary) != Switch::Maintain
                }
                None => self.primary_in(cluster) != Choice::None,
            }
    }

    pub(crate) fn is_in(&self, l3: Id, cluster: Id) -> bool {
        self.l2s[&self.l3s[&l3]].clusters.contains(&cluster)
    }

    /// The primary storage that a new volume goes to: of those that take one the roomiest.
    pub(crate) fn primary_in(&self, cluster: Id) -> Choice {
        let fit = self.primaries.iter().filter(|(id, primary)| {
            primary.clusters.contains(&cluster) && self.is_enabled(**id) && self.volumes(**id) < VOLUMES
        });
        least(fit.map(|(id, _)| (self.volumes(*id), *id)))
    }

    /// The addresses that NICs on `l3` can get.
    pub(crate) fn free(&self, l3: Id) -> BTreeSet<u32> {
        let held = |ip: &u32| self.vms.values().flat_map(|vm| vm.nics.values()).any(|nic| nic.holds(l3, *ip));
        let ranges = self.ranges.values().filter(|range| range.l3 == l3);
        ranges.flat_map(|range| addresses(range.part)).filter(|ip| !held(ip)).collect()
    }

    /// The address that a NIC on `l3` gets that wants `wanted`: the lowest where it wants none.
    pub(crate) fn address(&self, l3: Id, wanted: Option<u32>) -> Option<u32> {
        let free = self.free(l3);
        match wanted {
            Some(ip) => free.contains(&ip).then_some(ip),
            None => free.first().copied(),
        }
    }

    /// Whether an image can be fetched from where VMs of `zone` are.
    pub(crate) fn is_near(&self, image: Id, zone: Id) -> bool {
        self.backups[&self.images[&image].backup].contains(&zone)
    }

    /// Whether an image can be used at all.
    pub(crate) fn is_usable(&self, image: Id) -> bool {
        !self.images[&image].is_deleted && self.is_enabled(image)
    }

    /// VMs of `account`, and how many of them run.
    pub(crate) fn counted(&self, account: Id) -> (usize, usize) {
        let mine = || self.vms.values().filter(|vm| vm.owner == Some(account));
        (mine().filter(|vm| vm.state != super::State::Destroyed).count(), mine().filter(|vm| vm.is_up()).count())
    }
}

impl super::Nic {
    fn holds(&self, l3: Id, ip: u32) -> bool {
        self.l3 == l3 && self.ip == Some(ip)
    }
}

impl Vm {
    /// What it needs to start, on `host` if that is asked for.
    pub(crate) fn need(&self, host: Option<Id>) -> Need {
        Need { size: self.size, l3s: self.nics.values().map(|nic| nic.l3).collect(), volume: Some(self.primary), host }
    }
}

/// The last parts of the addresses of an IP range.
pub(crate) fn addresses(part: u32) -> impl Iterator<Item = u32> {
    let first = 10 + APART * part;
    first..first + ADDRESSES
}
