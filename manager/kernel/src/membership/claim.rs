//! The rule: who may start work on a resource.

use std::collections::BTreeMap;

use cumulo_schema::Uuid;

use super::NodeLease;
use crate::ring::Ring;

/// Whether work on a resource may be started here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Yes.
    Mine,
    /// It belongs to another node.
    Theirs(Uuid),
    /// It belongs here, and that node may still be working on it.
    Wait(Uuid),
    /// This node's lease has run out; it starts nothing.
    Fenced,
}

/// What another node may hold: all that it owns in an epoch from `drained` to `adopted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) node: Uuid,
    pub(super) drained: u64,
    pub(super) adopted: u64,
}

impl Holder {
    pub(super) fn of(lease: &NodeLease) -> Self {
        let number = |epoch| u64::try_from(epoch).unwrap_or(0);
        Self { node: lease.node_uuid, drained: number(lease.drained), adopted: number(lease.adopted) }
    }
}

/// `rings` reach back to the smallest `drained`; one that is missing counts against us.
pub(super) fn decide(resource: &Uuid, me: Uuid, adopted: u64, rings: &BTreeMap<u64, Ring>, others: &[Holder]) -> Claim {
    match rings.get(&adopted).and_then(|ring| ring.owner(resource)) {
        Some(owner) if owner == me => {}
        Some(owner) => return Claim::Theirs(owner),
        None => return Claim::Fenced,
    }
    let may_hold = |other: &&Holder| {
        let mut epochs = other.drained..=other.adopted;
        epochs.any(|epoch| rings.get(&epoch).is_none_or(|ring| ring.owner(resource) == Some(other.node)))
    };
    others.iter().find(may_hold).map_or(Claim::Mine, |other| Claim::Wait(other.node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_may_still_hold_is_waited_for() {
        let [old, new] = ["old", "new"].map(|name| Uuid::ADMIN.derive(name));
        let rings = BTreeMap::from([(1, Ring::new(1, &[old])), (2, Ring::new(2, &[old, new]))]);
        let moved = (0..).map(|n| Uuid::ADMIN.derive(&format!("r{n}"))).find(|r| rings[&2].owner(r) == Some(new));
        let moved = moved.expect("some resource moves");
        let claim = |adopted, drained_of_old, adopted_of_old| {
            let other = Holder { node: old, drained: drained_of_old, adopted: adopted_of_old };
            decide(&moved, new, adopted, &rings, &[other])
        };
        assert_eq!(claim(2, 1, 1), Claim::Wait(old), "it has not even heard");
        assert_eq!(claim(2, 1, 2), Claim::Wait(old), "it has heard, and is at it");
        assert_eq!(claim(2, 2, 2), Claim::Mine);
        assert_eq!(claim(1, 1, 1), Claim::Theirs(old));
        assert_eq!(claim(3, 2, 2), Claim::Fenced, "an epoch that nobody knows");
        assert_eq!(decide(&moved, new, 2, &rings, &[]), Claim::Mine, "whose lease is gone holds nothing");
        let unknown = Holder { node: old, drained: 0, adopted: 2 };
        assert_eq!(decide(&moved, new, 2, &rings, &[unknown]), Claim::Wait(old));
    }
}
