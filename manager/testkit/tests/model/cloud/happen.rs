//! What calls do that are not refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cloud, Host, Image, Nic, Range, Shared, State, Tag, Vm, place::Choice, refuse::size};
use crate::op::{Change, Id, Kind, NewVm, Op, Switch};

impl Cloud {
    /// Does `op`, which is not refused.
    pub(super) fn happen(&mut self, op: &Op) {
        self.made.extend(op.makes());
        if !op.names().into_iter().all(|id| self.there(id)) {
            // A deletion of what is gone.
            return;
        }
        match op {
            Op::Zone(zone) => drop(self.zones.insert(*zone)),
            Op::Cluster { cluster, zone } => drop(self.clusters.insert(*cluster, *zone)),
            Op::Host { host, cluster, address } => {
                self.hosts.insert(*host, Host { cluster: *cluster, address: *address });
            }
            Op::Primary { primary, zone } => drop(self.primaries.insert(*primary, shared(*zone, 0))),
            Op::Backup(backup) => drop(self.backups.insert(*backup, BTreeSet::new())),
            Op::Image { image, backup, is_iso } => self.add_image(*image, *backup, *is_iso),
            Op::Template { image, backup, .. } => self.add_image(*image, *backup, false),
            Op::Offering { offering, is_large } => drop(self.offerings.insert(*offering, size(*is_large))),
            Op::L2 { l2, zone, interface } => drop(self.l2s.insert(*l2, shared(*zone, *interface))),
            Op::L3 { l3, l2 } => drop(self.l3s.insert(*l3, *l2)),
            Op::Range { range, l3, part } => drop(self.ranges.insert(*range, Range { l3: *l3, part: *part })),
            Op::Account(account) => drop(self.accounts.insert(*account)),
            Op::Tag { tag, on, text } => drop(self.tags.insert(*tag, Tag { on: *on, text: *text })),
            Op::Vm { vm, new } => self.create(*vm, new),
            Op::Join { what, to } => self.join(*what, *to),
            Op::Part { what, from } => self.part(*what, *from),
            Op::Start { vm, host, .. } => self.start(*vm, *host),
            Op::Change { vm, change, .. } => self.change(*vm, *change),
            Op::Resize { vm, offering } => self.resize(*vm, *offering),
            Op::Attach { vm, l3, ip } => self.attach(*vm, *l3, *ip),
            Op::Detach { vm, l3 } => self.vm(*vm, |vm| vm.unplug(*l3)),
            Op::Claim { vm, l3, ip } => self.claim(*vm, *l3, Some(*ip)),
            Op::Unclaim { vm, l3 } => self.claim(*vm, *l3, None),
            Op::Insert { vm, iso } => self.vm(*vm, |vm| vm.disc = Some(*iso)),
            Op::Eject { vm } => self.vm(*vm, |vm| vm.disc = None),
            Op::Rename { of, to } => drop(self.renamed.insert(*of, *to)),
            Op::Switch { of, to } => self.switch(*of, *to),
            Op::RecoverImage(image) => self.mark(*image, false),
            Op::ExpungeImage(image) => {
                self.images.remove(image);
            }
            Op::Delete(id) => self.delete(*id),
        }
        self.forget();
    }

    /// Does `work` on a VM.
    pub(super) fn vm(&mut self, vm: Id, work: impl FnOnce(&mut Vm)) {
        if let Some(vm) = self.vms.get_mut(&vm) {
            work(vm);
        }
    }

    fn add_image(&mut self, image: Id, backup: Id, is_iso: bool) {
        self.images.insert(image, Image { backup, is_iso, is_deleted: false });
    }

    /// An image is deleted, or not any more.
    pub(super) fn mark(&mut self, image: Id, is_deleted: bool) {
        if let Some(image) = self.images.get_mut(&image) {
            image.is_deleted = is_deleted;
        }
    }

    fn create(&mut self, vm: Id, new: &NewVm) {
        let need = self.need(new);
        let Choice::One(host) = self.host_for(&need) else { return };
        let cluster = self.hosts[&host].cluster;
        let Choice::One(primary) = self.primary_in(cluster) else { return };
        let nics = new
            .l3s
            .iter()
            .zip(0..)
            .map(|(l3, place)| (place, Nic { l3: *l3, ip: self.address(*l3, None), claim: None }));
        let row = Vm {
            owner: new.by,
            state: if new.is_stopped { State::Stopped } else { State::Running },
            offering: Some(new.offering),
            size: need.size,
            later: None,
            zone: self.clusters[&cluster],
            cluster: Some(cluster),
            host: (!new.is_stopped).then_some(host),
            primary,
            nics: nics.collect(),
            default_l3: new.l3s.first().copied(),
            // What it is installed from is in its drive.
            disc: self.images[&new.image].is_iso.then_some(new.image),
        };
        self.vms.insert(vm, row);
    }

    fn start(&mut self, vm: Id, asked: Option<Id>) {
        let row = &self.vms[&vm];
        let Choice::One(host) = self.host_for(&row.need(asked)) else { return };
        let cluster = self.hosts[&host].cluster;
        let without = row.nics.iter().filter(|(_, nic)| nic.ip.is_none());
        let given: BTreeMap<u32, Option<u32>> =
            without.map(|(place, nic)| (*place, self.address(nic.l3, nic.claim))).collect();
        self.vm(vm, |vm| {
            (vm.state, vm.host, vm.cluster) = (State::Running, Some(host), Some(cluster));
            for (place, ip) in given {
                vm.nics.entry(place).and_modify(|nic| nic.ip = ip);
            }
        });
    }

    fn change(&mut self, vm: Id, change: Change) {
        self.vm(vm, |vm| match change {
            Change::Stop => vm.stop(),
            Change::Reboot | Change::Resume => vm.state = State::Running,
            Change::Pause => vm.state = State::Paused,
            Change::Destroy => (vm.state, vm.host) = (State::Destroyed, None),
            Change::Recover => vm.rest(),
            Change::Expunge => {}
        });
        if change == Change::Expunge {
            self.vms.remove(&vm);
        }
    }

    fn resize(&mut self, vm: Id, offering: Id) {
        let size = self.offerings[&offering];
        self.vm(vm, |vm| {
            vm.offering = Some(offering);
            // A guest that is up goes on with what it has.
            if vm.is_up() { vm.later = Some(size) } else { vm.size = size }
        });
    }

    fn attach(&mut self, vm: Id, l3: Id, claim: Option<u32>) {
        let ip = self.address(l3, claim);
        self.vm(vm, |vm| {
            let place = (0..).find(|place| !vm.nics.contains_key(place)).unwrap_or_default();
            vm.nics.insert(place, Nic { l3, ip, claim });
            vm.default_l3.get_or_insert(l3);
        });
    }

    /// The address is the NIC's for good, or just its address.
    fn claim(&mut self, vm: Id, l3: Id, ip: Option<u32>) {
        self.vm(vm, |vm| {
            for nic in vm.nics.values_mut().filter(|nic| nic.l3 == l3) {
                (nic.claim, nic.ip) = (ip, ip.or(nic.ip));
            }
        });
    }

    fn join(&mut self, what: Id, to: Id) {
        if let Some(shared) = self.shared(what) {
            shared.clusters.insert(to);
        } else if let Some(zones) = self.backups.get_mut(&what) {
            zones.insert(to);
        }
    }

    fn part(&mut self, what: Id, from: Id) {
        if let Some(zones) = self.backups.get_mut(&what) {
            zones.remove(&from);
        }
        let parted = self.shared(what).is_some_and(|shared| shared.clusters.remove(&from));
        let l3s: BTreeSet<Id> = self.l3s.iter().filter(|(_, l2)| **l2 == what).map(|(l3, _)| *l3).collect();
        let uses = |vm: &Vm| vm.primary == what || vm.nics.values().any(|nic| l3s.contains(&nic.l3));
        // Guests there are stopped.
        for vm in self.vms.values_mut().filter(|vm| parted && vm.cluster == Some(from) && vm.is_up() && uses(vm)) {
            vm.stop();
        }
    }

    fn shared(&mut self, what: Id) -> Option<&mut Shared> {
        if what.0 == Kind::Primary { self.primaries.get_mut(&what) } else { self.l2s.get_mut(&what) }
    }

    fn switch(&mut self, of: Id, to: Switch) {
        match to {
            Switch::Enable => self.switched.remove(&of),
            _ => self.switched.insert(of, to),
        };
        if to == Switch::Maintain {
            for vm in self.vms.values_mut().filter(|vm| vm.host == Some(of) || vm.primary == of && vm.is_up()) {
                vm.stop();
            }
        }
    }
}

impl Vm {
    /// Off its host; a size that waited for that is its size.
    pub(super) fn stop(&mut self) {
        if self.is_up() {
            self.rest();
        }
    }

    fn rest(&mut self) {
        (self.state, self.host) = (State::Stopped, None);
        if let Some(size) = self.later.take() {
            self.size = size;
        }
    }

    /// Without its NIC on `l3`: the default route goes over the first that is left.
    pub(super) fn unplug(&mut self, l3: Id) {
        self.nics.retain(|_, nic| nic.l3 != l3);
        if self.default_l3 == Some(l3) {
            self.default_l3 = self.nics.values().next().map(|nic| nic.l3);
        }
    }
}

fn shared(zone: Id, interface: u32) -> Shared {
    Shared { zone, clusters: BTreeSet::new(), interface }
}
