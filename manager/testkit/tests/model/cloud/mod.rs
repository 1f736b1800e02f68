//! What there should be: a cloud as values. What each call does to it and which calls are refused is written here from what
//! the API promises (docs/, tests/data/zstack-api.json), and much more simply than the program does it.

mod happen;
mod loss;
mod place;
mod refuse;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use place::addresses;
pub(crate) use refuse::{CODES, size};

use crate::op::{Id, Kind, Op, Switch};

/// A GiB.
pub(crate) const GIB: u64 = 1 << 30;
/// What a host offers: ten times its one processor, and its memory but for the eighth that it keeps.
pub(crate) const HOST: Size = Size { cpus: 10, memory: 7 };
/// Volumes that a primary storage has room for, each of one GiB, beside what it keeps free.
pub(crate) const VOLUMES: usize = 4;
/// VMs that an account may have, and may have running.
pub(crate) const TOTAL: usize = 3;
pub(crate) const RUNNING: usize = 2;
/// Addresses of an IP range, and how far apart ranges begin.
const ADDRESSES: u32 = 3;
const APART: u32 = 4;

/// How large a VM is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cpus: u64,
    /// In GiB.
    pub(crate) memory: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Paused,
    Stopped,
    Destroyed,
}

#[derive(Clone, Debug)]
pub(crate) struct Vm {
    pub(crate) owner: Option<Id>,
    pub(crate) state: State,
    pub(crate) offering: Option<Id>,
    pub(crate) size: Size,
    /// Its size from when it is stopped.
    pub(crate) later: Option<Size>,
    pub(crate) zone: Id,
    pub(crate) cluster: Option<Id>,
    pub(crate) host: Option<Id>,
    pub(crate) primary: Id,
    /// By their places.
    pub(crate) nics: BTreeMap<u32, Nic>,
    pub(crate) default_l3: Option<Id>,
    pub(crate) disc: Option<Id>,
}

impl Vm {
    /// Whether it takes something of a host.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, State::Running | State::Paused)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Nic {
    pub(crate) l3: Id,
    /// The last part of its address.
    pub(crate) ip: Option<u32>,
    /// The one that it claims for good.
    pub(crate) claim: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) cluster: Id,
    pub(crate) address: u32,
}

/// A primary storage or an L2 network: in a zone, and attached to clusters of it.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) zone: Id,
    pub(crate) clusters: BTreeSet<Id>,
    /// The interface of an L2 network.
    pub(crate) interface: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) backup: Id,
    pub(crate) is_iso: bool,
    /// It can still be recovered.
    pub(crate) is_deleted: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) l3: Id,
    pub(crate) part: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) on: Id,
    pub(crate) text: u32,
}

/// What a call has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Refused(&'static str),
}

/// A mistake in the model, made on purpose to see it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// A paused VM can be rebooted.
    PausedReboots,
    /// A VM that is paused gives back what it takes of its host.
    PausedIsLight,
}

/// What there should be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cloud {
    pub(crate) zones: BTreeSet<Id>,
    /// With their zones.
    pub(crate) clusters: BTreeMap<Id, Id>,
    pub(crate) hosts: BTreeMap<Id, Host>,
    pub(crate) primaries: BTreeMap<Id, Shared>,
    /// With the zones that they are attached to.
    pub(crate) backups: BTreeMap<Id, BTreeSet<Id>>,
    pub(crate) images: BTreeMap<Id, Image>,
    pub(crate) offerings: BTreeMap<Id, Size>,
    pub(crate) l2s: BTreeMap<Id, Shared>,
    /// With their L2 networks.
    pub(crate) l3s: BTreeMap<Id, Id>,
    pub(crate) ranges: BTreeMap<Id, Range>,
    pub(crate) accounts: BTreeSet<Id>,
    pub(crate) vms: BTreeMap<Id, Vm>,
    pub(crate) tags: BTreeMap<Id, Tag>,
    /// What was switched to something else than enabled.
    switched: BTreeMap<Id, Switch>,
    /// What was renamed.
    renamed: BTreeMap<Id, u32>,
    /// All that was ever there.
    pub(crate) made: BTreeSet<Id>,
    mistake: Option<Mistake>,
}

impl Cloud {
    /// One that nothing is in, and that is wrong about something if `mistake` says so.
    pub(crate) fn new(mistake: Option<Mistake>) -> Self {
        Self { mistake, ..Self::default() }
    }

    /// Does `op`, and says what it has to answer. `None` where it makes no sense here, or where what has to come is not
    /// promised: it is not called then.
    pub(crate) fn apply(&mut self, op: &Op) -> Option<Answer> {
        if op.makes().is_some_and(|id| self.made.contains(&id)) || !op.names().iter().all(|id| self.made.contains(id)) {
            return None;
        }
        if op.by().is_some_and(|account| !self.there(account)) {
            return None;
        }
        let refusals: BTreeSet<&'static str> = self.refusals(op)?.into_iter().collect();
        let mut refusals = refusals.into_iter();
        match (refusals.next(), refusals.next()) {
            (None, _) => {
                self.happen(op);
                Some(Answer::Done)
            }
            (Some(code), None) => Some(Answer::Refused(code)),
            // Which of them is told is not promised.
            (Some(_), Some(_)) => None,
        }
    }

    pub(crate) fn there(&self, id: Id) -> bool {
        match id.0 {
            Kind::Zone => self.zones.contains(&id),
            Kind::Cluster => self.clusters.contains_key(&id),
            Kind::Host => self.hosts.contains_key(&id),
            Kind::Primary => self.primaries.contains_key(&id),
            Kind::Backup => self.backups.contains_key(&id),
            Kind::Image => self.images.contains_key(&id),
            Kind::Offering => self.offerings.contains_key(&id),
            Kind::L2 => self.l2s.contains_key(&id),
            Kind::L3 => self.l3s.contains_key(&id),
            Kind::Range => self.ranges.contains_key(&id),
            Kind::Account => self.accounts.contains(&id),
            Kind::Vm => self.vms.contains_key(&id),
            Kind::Tag => self.tags.contains_key(&id),
        }
    }

    /// What was made of `kind` and is there, or is gone.
    pub(crate) fn of_kind(&self, kind: Kind, there: bool) -> Vec<Id> {
        self.made.iter().copied().filter(|id| id.0 == kind && self.there(*id) == there).collect()
    }

    pub(crate) fn state(&self, id: Id) -> Switch {
        self.switched.get(&id).copied().unwrap_or(Switch::Enable)
    }

    fn is_enabled(&self, id: Id) -> bool {
        self.state(id) == Switch::Enable
    }

    pub(crate) fn name(&self, id: Id) -> String {
        self.renamed.get(&id).map_or_else(|| id.to_string(), |name| format!("{id}-{name}"))
    }

    /// Whether `vm` counts for its host.
    pub(crate) fn is_heavy(&self, vm: &Vm) -> bool {
        vm.is_up() && !(vm.state == State::Paused && self.mistake == Some(Mistake::PausedIsLight))
    }
}
