//! The calls of a sequence, of things that are called by kind and number. What a dropped call would have made is never
//! there, so calls on it are dropped with it.

use std::fmt;

/// What there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Zone,
    Cluster,
    Host,
    Primary,
    Backup,
    Image,
    Offering,
    L2,
    L3,
    Range,
    Account,
    Vm,
    Tag,
}

/// A thing that a sequence makes: the same in the model, in the text, and as the name that its inventory is remembered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) Kind, pub(crate) u32);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", format!("{:?}", self.0).to_lowercase(), self.1)
    }
}

/// What becomes of a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Stop,
    Reboot,
    Pause,
    Resume,
    Destroy,
    Recover,
    Expunge,
}

/// What things are switched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    Enable,
    Disable,
    Maintain,
}

/// What a VM is made of, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewVm {
    pub(crate) by: Option<Id>,
    pub(crate) offering: Id,
    pub(crate) image: Id,
    pub(crate) l3s: Vec<Id>,
    pub(crate) host: Option<Id>,
    /// It is not started yet.
    pub(crate) is_stopped: bool,
}

/// A call. `by` is the account that makes it, the admin where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Zone(Id),
    Cluster { cluster: Id, zone: Id },
    Host { host: Id, cluster: Id, address: u32 },
    Primary { primary: Id, zone: Id },
    Backup(Id),
    Image { image: Id, backup: Id, is_iso: bool },
    Template { image: Id, vm: Id, backup: Id },
    Offering { offering: Id, is_large: bool },
    L2 { l2: Id, zone: Id, interface: u32 },
    L3 { l3: Id, l2: Id },
    Range { range: Id, l3: Id, part: u32 },
    Account(Id),
    Vm { vm: Id, new: NewVm },
    Tag { tag: Id, on: Id, text: u32 },
    Join { what: Id, to: Id },
    Part { what: Id, from: Id },
    Start { vm: Id, by: Option<Id>, host: Option<Id> },
    Change { vm: Id, by: Option<Id>, change: Change },
    Resize { vm: Id, offering: Id },
    Attach { vm: Id, l3: Id, ip: Option<u32> },
    Detach { vm: Id, l3: Id },
    Claim { vm: Id, l3: Id, ip: u32 },
    Unclaim { vm: Id, l3: Id },
    Insert { vm: Id, iso: Id },
    Eject { vm: Id },
    Rename { of: Id, to: u32 },
    Switch { of: Id, to: Switch },
    RecoverImage(Id),
    ExpungeImage(Id),
    Delete(Id),
}

impl Op {
    /// What it makes.
    pub(crate) fn makes(&self) -> Option<Id> {
        match self {
            Op::Zone(id)
            | Op::Backup(id)
            | Op::Account(id)
            | Op::Cluster { cluster: id, .. }
            | Op::Host { host: id, .. }
            | Op::Primary { primary: id, .. }
            | Op::Image { image: id, .. }
            | Op::Template { image: id, .. }
            | Op::Offering { offering: id, .. }
            | Op::L2 { l2: id, .. }
            | Op::L3 { l3: id, .. }
            | Op::Range { range: id, .. }
            | Op::Vm { vm: id, .. }
            | Op::Tag { tag: id, .. } => Some(*id),
            _ => None,
        }
    }

    /// What it names, the caller aside.
    pub(crate) fn names(&self) -> Vec<Id> {
        match self {
            Op::Zone(_) | Op::Backup(_) | Op::Account(_) | Op::Offering { .. } => vec![],
            Op::Cluster { zone: id, .. }
            | Op::Primary { zone: id, .. }
            | Op::L2 { zone: id, .. }
            | Op::Host { cluster: id, .. }
            | Op::Image { backup: id, .. }
            | Op::L3 { l2: id, .. }
            | Op::Range { l3: id, .. }
            | Op::Tag { on: id, .. }
            | Op::Change { vm: id, .. }
            | Op::Eject { vm: id }
            | Op::Rename { of: id, .. }
            | Op::Switch { of: id, .. }
            | Op::RecoverImage(id)
            | Op::ExpungeImage(id)
            | Op::Delete(id) => vec![*id],
            Op::Template { vm, backup: other, .. }
            | Op::Resize { vm, offering: other }
            | Op::Attach { vm, l3: other, .. }
            | Op::Detach { vm, l3: other }
            | Op::Claim { vm, l3: other, .. }
            | Op::Unclaim { vm, l3: other }
            | Op::Insert { vm, iso: other } => vec![*vm, *other],
            Op::Join { what, to: other } | Op::Part { what, from: other } => vec![*what, *other],
            Op::Start { vm, host, .. } => [Some(*vm), *host].into_iter().flatten().collect(),
            Op::Vm { new, .. } => {
                [new.offering, new.image].into_iter().chain(new.l3s.iter().copied()).chain(new.host).collect()
            }
        }
    }

    /// Who calls, where it is not the admin.
    pub(crate) fn by(&self) -> Option<Id> {
        match self {
            Op::Vm { new, .. } => new.by,
            Op::Start { by, .. } | Op::Change { by, .. } => *by,
            _ => None,
        }
    }

    /// Of what it is about the answer has the inventory.
    pub(crate) fn answers(&self) -> Option<Id> {
        match self {
            Op::Change { change: Change::Destroy | Change::Expunge, .. }
            | Op::Claim { .. }
            | Op::Unclaim { .. }
            | Op::Delete(_)
            | Op::ExpungeImage(_) => None,
            Op::Join { what: id, .. } | Op::Part { what: id, .. } => Some(*id),
            Op::Start { vm: id, .. }
            | Op::Change { vm: id, .. }
            | Op::Resize { vm: id, .. }
            | Op::Attach { vm: id, .. }
            | Op::Detach { vm: id, .. }
            | Op::Insert { vm: id, .. }
            | Op::Eject { vm: id }
            | Op::Rename { of: id, .. }
            | Op::Switch { of: id, .. }
            | Op::RecoverImage(id) => Some(*id),
            _ => self.makes(),
        }
    }
}
