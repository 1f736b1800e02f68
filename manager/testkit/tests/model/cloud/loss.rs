//! What goes with what: the table of docs/cascade-and-plans.md.

use std::collections::BTreeMap;

use super::{Cloud, Vm, place::addresses};
use crate::op::{Id, Kind};

impl Cloud {
    pub(super) fn delete(&mut self, id: Id) {
        match id.0 {
            Kind::Zone => self.lose_zone(id),
            Kind::Cluster => self.lose_cluster(id),
            Kind::Host => self.lose_host(id),
            Kind::Primary => {
                self.vms.retain(|_, vm| vm.primary != id);
                self.primaries.remove(&id);
            }
            Kind::Backup => {
                self.images.retain(|_, image| image.backup != id);
                self.backups.remove(&id);
            }
            Kind::Image => self.mark(id, true),
            Kind::Offering => {
                self.each(|vm| vm.offering = vm.offering.filter(|offering| *offering != id));
                self.offerings.remove(&id);
            }
            Kind::L2 => self.lose_l2(id),
            Kind::L3 => self.lose_l3(id),
            Kind::Range => self.lose_range(id),
            Kind::Account => {
                self.vms.retain(|_, vm| vm.owner != Some(id));
                self.accounts.remove(&id);
            }
            Kind::Vm => drop(self.vms.remove(&id)),
            Kind::Tag => drop(self.tags.remove(&id)),
        }
    }

    /// What was said of things that are gone goes with them.
    pub(super) fn forget(&mut self) {
        let there = self.clone();
        self.tags.retain(|_, tag| there.there(tag.on));
        self.switched.retain(|id, _| there.there(*id));
        self.renamed.retain(|id, _| there.there(*id));
    }

    fn each(&mut self, work: impl FnMut(&mut Vm)) {
        self.vms.values_mut().for_each(work);
    }

    fn lose_zone(&mut self, zone: Id) {
        self.vms.retain(|_, vm| vm.zone != zone);
        for cluster in of(&self.clusters, |of| *of == zone) {
            self.lose_cluster(cluster);
        }
        for l2 in of(&self.l2s, |l2| l2.zone == zone) {
            self.lose_l2(l2);
        }
        self.primaries.retain(|_, primary| primary.zone != zone);
        for zones in self.backups.values_mut() {
            zones.remove(&zone);
        }
        self.zones.remove(&zone);
    }

    fn lose_cluster(&mut self, cluster: Id) {
        for host in of(&self.hosts, |host| host.cluster == cluster) {
            self.lose_host(host);
        }
        for shared in self.primaries.values_mut().chain(self.l2s.values_mut()) {
            shared.clusters.remove(&cluster);
        }
        self.each(|vm| vm.cluster = vm.cluster.filter(|of| *of != cluster));
        self.clusters.remove(&cluster);
    }

    fn lose_host(&mut self, host: Id) {
        self.vms.values_mut().filter(|vm| vm.host == Some(host)).for_each(Vm::stop);
        self.hosts.remove(&host);
    }

    fn lose_l2(&mut self, l2: Id) {
        for l3 in of(&self.l3s, |of| *of == l2) {
            self.lose_l3(l3);
        }
        self.l2s.remove(&l2);
    }

    fn lose_l3(&mut self, l3: Id) {
        for vm in self.vms.values_mut().filter(|vm| vm.nics.values().any(|nic| nic.l3 == l3)) {
            vm.stop();
            vm.unplug(l3);
        }
        self.ranges.retain(|_, range| range.l3 != l3);
        self.l3s.remove(&l3);
    }

    fn lose_range(&mut self, range: Id) {
        let Some(gone) = self.ranges.remove(&range) else { return };
        let inside = |ip: u32| addresses(gone.part).any(|address| address == ip);
        for vm in self.vms.values_mut() {
            let mut hit = false;
            for nic in vm.nics.values_mut().filter(|nic| nic.l3 == gone.l3 && nic.ip.is_some_and(inside)) {
                (nic.ip, hit) = (None, true);
            }
            if hit {
                vm.stop();
            }
        }
    }
}

/// What of `table` `is_meant`.
fn of<T>(table: &BTreeMap<Id, T>, is_meant: impl Fn(&T) -> bool) -> Vec<Id> {
    table.iter().filter(|(_, row)| is_meant(row)).map(|(id, _)| *id).collect()
}
