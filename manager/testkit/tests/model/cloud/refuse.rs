//! Which calls are refused, and with which code.

use super::{Cloud, Mistake, RUNNING, Size, State, TOTAL, Vm, place::Choice};
use crate::op::{Change, Id, Kind, NewVm, Op, Switch};

/// There is no such resource.
const MISSING: &str = "SYS.1003";
/// It cannot be done now.
const OPERATION: &str = "SYS.1006";
/// It could never be done.
const INVALID: &str = "SYS.1007";
/// The account has no more of it.
const QUOTA: &str = "ID.1003";
/// No host can take the VM.
const NO_HOST: &str = "HOST_ALLOCATION.1001";
/// The VM's state does not allow it.
const STATE: &str = "VM.1002";
/// There is such a tag.
const TAGGED: &str = "TAG.1000";

/// All of them.
pub(crate) const CODES: [&str; 7] = [MISSING, OPERATION, INVALID, QUOTA, NO_HOST, STATE, TAGGED];

type Codes = Vec<&'static str>;

/// `code` where `when`.
fn refuse(when: bool, code: &'static str) -> Option<&'static str> {
    when.then_some(code)
}

fn codes<const N: usize>(codes: [Option<&'static str>; N]) -> Option<Codes> {
    Some(codes.into_iter().flatten().collect())
}

impl Cloud {
    /// Why `op` is refused; nothing where it is done, `None` where neither is promised.
    pub(super) fn refusals(&self, op: &Op) -> Option<Codes> {
        if !op.names().into_iter().all(|id| self.there(id)) {
            return self.missing(op);
        }
        match op {
            Op::Zone(_) | Op::Backup(_) | Op::Account(_) | Op::Offering { .. } => codes([]),
            Op::Cluster { .. } | Op::Primary { .. } | Op::L2 { .. } | Op::L3 { .. } => codes([]),
            Op::Rename { .. } | Op::Switch { .. } => codes([]),
            Op::Host { address, .. } => {
                codes([refuse(self.hosts.values().any(|host| host.address == *address), INVALID)])
            }
            Op::Image { backup, .. } => codes([refuse(!self.is_enabled(*backup), OPERATION)]),
            Op::RecoverImage(_) => codes([]),
            Op::ExpungeImage(image) => codes([refuse(!self.images[image].is_deleted, OPERATION)]),
            Op::Template { vm, backup, .. } => self.refuse_template(&self.vms[vm], *backup),
            Op::Range { l3, part, .. } => {
                codes([refuse(self.ranges.values().any(|there| there.l3 == *l3 && there.part == *part), INVALID)])
            }
            Op::Tag { on, text, .. } => {
                let same = |tag: &super::Tag| tag.on == *on && tag.text == *text;
                codes([refuse(self.tags.values().any(same), TAGGED)])
            }
            Op::Join { what, to } => self.refuse_joining(*what, *to),
            Op::Part { .. } => codes([]),
            Op::Delete(id) => {
                let attached = self.primaries.get(id).is_some_and(|primary| !primary.clusters.is_empty());
                codes([refuse(attached, OPERATION)])
            }
            Op::Vm { new, .. } => self.refuse_new(new),
            Op::Start { vm, by, host } => self.as_owner(*by, *vm)?.refuse_start(&self.vms[vm], *host),
            Op::Change { vm, by, change } => self.as_owner(*by, *vm)?.refuse_change(&self.vms[vm], *change),
            Op::Resize { vm, offering } => codes([
                refuse(self.vms[vm].state == State::Destroyed, STATE),
                refuse(!self.is_enabled(*offering), OPERATION),
            ]),
            Op::Attach { vm, l3, ip } => self.refuse_nic(&self.vms[vm], *l3, *ip),
            Op::Detach { vm, l3 } => {
                let vm = &self.vms[vm];
                vm.nics.values().any(|nic| nic.l3 == *l3).then_some(())?;
                codes([refuse(!is_open(vm), STATE)])
            }
            Op::Claim { vm, l3, ip } => self.refuse_claim(&self.vms[vm], *l3, *ip),
            Op::Unclaim { .. } => codes([]),
            Op::Insert { vm, iso } => self.refuse_disc(&self.vms[vm], *iso),
            Op::Eject { vm } => match is_open(&self.vms[vm]) {
                true => codes([refuse(self.vms[vm].disc.is_none(), OPERATION)]),
                false => codes([Some(STATE)]),
            },
        }
    }

    /// Of what is gone nothing can be had, but a deletion has what it wants.
    fn missing(&self, op: &Op) -> Option<Codes> {
        match op {
            Op::Delete(Id(Kind::Tag | Kind::Account, _)) | Op::Detach { .. } => None,
            Op::Delete(_) | Op::Change { change: Change::Destroy, .. } => codes([]),
            _ => codes([Some(MISSING)]),
        }
    }

    /// Accounts are not asked here about what is another's.
    fn as_owner(&self, by: Option<Id>, vm: Id) -> Option<&Self> {
        (by.is_none() || self.vms[&vm].owner == by).then_some(self)
    }

    fn refuse_joining(&self, what: Id, to: Id) -> Option<Codes> {
        let shared = match what.0 {
            Kind::Primary => &self.primaries[&what],
            Kind::L2 => &self.l2s[&what],
            // A backup storage may be attached again.
            _ => return codes([]),
        };
        let code = if what.0 == Kind::Primary { OPERATION } else { INVALID };
        let wired = |other: &super::Shared| other.interface == shared.interface && other.clusters.contains(&to);
        codes([
            refuse(self.clusters[&to] != shared.zone, code),
            refuse(shared.clusters.contains(&to), code),
            refuse(what.0 == Kind::L2 && self.l2s.values().any(wired), code),
        ])
    }

    fn refuse_new(&self, new: &NewVm) -> Option<Codes> {
        let chosen = self.host_for(&self.need(new));
        let host = match chosen {
            Choice::Any => return None,
            Choice::One(host) => Some(host),
            Choice::None => None,
        };
        let cluster = host.map(|host| self.hosts[&host].cluster);
        if cluster.is_some_and(|cluster| self.primary_in(cluster) == Choice::Any) {
            return None;
        }
        let (total, running) = new.by.map_or((0, 0), |account| self.counted(account));
        // Whether one that is not started counts as running meanwhile is not said.
        (!new.is_stopped || running < RUNNING).then_some(())?;
        let far = cluster.is_some_and(|cluster| !self.is_near(new.image, self.clusters[&cluster]));
        let dry = |l3: &Id| !self.is_enabled(*l3) || self.free(*l3).is_empty();
        codes([
            refuse(!self.is_enabled(new.offering) || !self.is_usable(new.image) || far, OPERATION),
            refuse(host.is_none(), NO_HOST),
            refuse(new.l3s.iter().any(dry), OPERATION),
            refuse(total >= TOTAL || running >= RUNNING, QUOTA),
        ])
    }

    fn refuse_start(&self, vm: &Vm, host: Option<Id>) -> Option<Codes> {
        if vm.state != State::Stopped {
            return codes([Some(STATE)]);
        }
        let choice = self.host_for(&vm.need(host));
        let running = vm.owner.map_or(0, |account| self.counted(account).1);
        let disc = vm.disc.and_then(|iso| match self.there(iso) {
            false => Some(MISSING),
            true => refuse(!self.is_usable(iso) || !self.is_near(iso, vm.zone), OPERATION),
        });
        let without = vm.nics.values().filter(|nic| nic.ip.is_none());
        let dry = without.into_iter().any(|nic| !self.is_enabled(nic.l3) || self.address(nic.l3, nic.claim).is_none());
        match choice {
            Choice::Any => None,
            _ => codes([
                refuse(choice == Choice::None, NO_HOST),
                refuse(running >= RUNNING, QUOTA),
                disc,
                refuse(dry, OPERATION),
            ]),
        }
    }

    fn refuse_change(&self, vm: &Vm, change: Change) -> Option<Codes> {
        let fits = match change {
            // Where it is already that is as asked for.
            Change::Stop => vm.is_up() || vm.state == State::Stopped,
            Change::Reboot => {
                vm.state == State::Running || vm.state == State::Paused && self.mistake == Some(Mistake::PausedReboots)
            }
            Change::Pause => vm.state == State::Running,
            Change::Resume => vm.state == State::Paused,
            Change::Destroy => true,
            Change::Recover => matches!(vm.state, State::Destroyed | State::Stopped),
            Change::Expunge => vm.state == State::Destroyed,
        };
        let back = change == Change::Recover && vm.state == State::Destroyed;
        let full = vm.owner.is_some_and(|account| self.counted(account).0 >= TOTAL);
        codes([refuse(!fits, STATE), refuse(back && full, QUOTA)])
    }

    fn refuse_nic(&self, vm: &Vm, l3: Id, ip: Option<u32>) -> Option<Codes> {
        if !is_open(vm) {
            return codes([Some(STATE)]);
        }
        codes([
            refuse(vm.nics.values().any(|nic| nic.l3 == l3), OPERATION),
            refuse(vm.cluster.is_some_and(|cluster| !self.is_in(l3, cluster)), OPERATION),
            refuse(!self.is_enabled(l3) || self.address(l3, ip).is_none(), OPERATION),
        ])
    }

    fn refuse_claim(&self, vm: &Vm, l3: Id, ip: u32) -> Option<Codes> {
        let Some(nic) = vm.nics.values().find(|nic| nic.l3 == l3) else { return codes([Some(OPERATION)]) };
        if nic.ip == Some(ip) {
            return codes([]);
        }
        // What a network that is disabled does to one that moves is not said.
        self.is_enabled(l3).then_some(())?;
        codes([refuse(vm.state != State::Stopped, STATE), refuse(!self.free(l3).contains(&ip), OPERATION)])
    }

    fn refuse_disc(&self, vm: &Vm, iso: Id) -> Option<Codes> {
        codes([
            refuse(!self.images[&iso].is_iso, INVALID),
            refuse(!self.is_usable(iso), OPERATION),
            refuse(!is_open(vm), STATE),
            refuse(vm.disc.is_some(), OPERATION),
            // It is fetched when it is needed.
            refuse(vm.state == State::Running && !self.is_near(iso, vm.zone), OPERATION),
        ])
    }

    fn refuse_template(&self, vm: &Vm, backup: Id) -> Option<Codes> {
        let clusters = &self.primaries[&vm.primary].clusters;
        let reader = self.hosts.values().any(|host| clusters.contains(&host.cluster));
        // Who reads a volume that no host sees is not said.
        (reader && self.state(vm.primary) != Switch::Maintain).then_some(())?;
        codes([
            refuse(vm.state != State::Stopped, STATE),
            refuse(!self.is_enabled(backup) || !self.backups[&backup].contains(&vm.zone), OPERATION),
        ])
    }
}

/// Whether NICs and discs come and go.
fn is_open(vm: &Vm) -> bool {
    matches!(vm.state, State::Running | State::Stopped)
}

/// Sizes of the two offerings.
pub(crate) fn size(is_large: bool) -> Size {
    if is_large { Size { cpus: 4, memory: 3 } } else { Size { cpus: 1, memory: 1 } }
}
