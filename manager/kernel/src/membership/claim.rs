//! The rule: who may start work on a resource.

use cumulo_schema::Uuid;

use super::NodeLease;

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
pub struct Holder {
    /// The node.
    pub node: Uuid,
    /// The last epoch of which it has finished what was taken from it.
    pub drained: u64,
    /// The last epoch whose ring it works by.
    pub adopted: u64,
}

impl Holder {
    pub(super) fn of(lease: &NodeLease) -> Self {
        let number = |epoch| u64::try_from(epoch).unwrap_or(0);
        Self { node: lease.node_uuid, drained: number(lease.drained), adopted: number(lease.adopted) }
    }
}

/// Whether `me`, which works by the epoch `adopted`, may start work on a resource that `others` may hold.
///
/// `owner_in` says who owns the resource in the ring of an epoch; `None`, of a ring that is not known, counts against us.
#[must_use]
pub fn decide(me: Uuid, adopted: u64, owner_in: impl Fn(u64) -> Option<Uuid>, others: &[Holder]) -> Claim {
    match owner_in(adopted) {
        Some(owner) if owner == me => {}
        Some(owner) => return Claim::Theirs(owner),
        None => return Claim::Fenced,
    }
    let may_hold = |other: &&Holder| {
        let mut epochs = other.drained..=other.adopted;
        epochs.any(|epoch| owner_in(epoch).is_none_or(|owner| owner == other.node))
    };
    others.iter().find(may_hold).map_or(Claim::Mine, |other| Claim::Wait(other.node))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ring::Ring;

    #[test]
    fn what_another_may_still_hold_is_waited_for() {
        let [old, new] = ["old", "new"].map(|name| Uuid::ADMIN.derive(name));
        let rings = BTreeMap::from([(1, Ring::new(1, &[old])), (2, Ring::new(2, &[old, new]))]);
        let moved = (0..).map(|n| Uuid::ADMIN.derive(&format!("r{n}"))).find(|r| rings[&2].owner(r) == Some(new));
        let moved = moved.expect("some resource moves");
        let owner_in = |epoch| rings.get(&epoch).and_then(|ring: &Ring| ring.owner(&moved));
        let claim = |adopted, drained_of_old, adopted_of_old| {
            let other = Holder { node: old, drained: drained_of_old, adopted: adopted_of_old };
            decide(new, adopted, owner_in, &[other])
        };
        assert_eq!(claim(2, 1, 1), Claim::Wait(old), "it has not even heard");
        assert_eq!(claim(2, 1, 2), Claim::Wait(old), "it has heard, and is at it");
        assert_eq!(claim(2, 2, 2), Claim::Mine);
        assert_eq!(claim(1, 1, 1), Claim::Theirs(old));
        assert_eq!(claim(3, 2, 2), Claim::Fenced, "an epoch that nobody knows");
        assert_eq!(decide(new, 2, owner_in, &[]), Claim::Mine, "whose lease is gone holds nothing");
        let unknown = Holder { node: old, drained: 0, adopted: 2 };
        assert_eq!(decide(new, 2, owner_in, &[unknown]), Claim::Wait(old));
    }
}
