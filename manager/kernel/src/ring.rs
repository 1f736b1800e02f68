//! The consistent-hash ring: which management node owns a resource.
//!
//! Every node is on the ring at many points, so that a node that joins or leaves moves only its share of the resources
//! and takes it evenly from all others. A lookup is a binary search in a sorted vector of points, which beats a tree: it
//! is built once per membership change and read on every call.

use std::hash::{DefaultHasher, Hasher};

use cumulo_schema::Uuid;

/// Points a node has on the ring; 500 is also what ZStack uses (features.md §0).
const POINTS: u32 = 500;

/// An immutable ring of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    epoch: u64,
    points: Vec<(u64, Uuid)>,
}

impl Ring {
    /// The ring of `nodes` in `epoch`. The order of `nodes` does not matter.
    #[must_use]
    pub fn new(epoch: u64, nodes: &[Uuid]) -> Self {
        let point = |node: &Uuid, index: u32| (hash(node, index), *node);
        let mut points: Vec<_> =
            nodes.iter().flat_map(|node| (0..POINTS).map(move |index| point(node, index))).collect();
        points.sort_unstable();
        points.dedup();
        Self { epoch, points }
    }

    /// The number of this membership; grows with every change.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The node that owns `resource`; `None` on an empty ring.
    #[must_use]
    pub fn owner(&self, resource: &Uuid) -> Option<Uuid> {
        let position = hash(resource, 0);
        let index = self.points.partition_point(|(point, _)| *point < position);
        self.points.get(index).or_else(|| self.points.first()).map(|(_, node)| *node)
    }
}

/// SipHash with fixed keys: every node computes the same.
fn hash(uuid: &Uuid, index: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(uuid.as_bytes());
    hasher.write_u32(index);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuids(count: usize, seed: &str) -> Vec<Uuid> {
        (0..count).map(|n| Uuid::ADMIN.derive(&format!("{seed}{n}"))).collect()
    }

    #[test]
    fn an_empty_ring_owns_nothing_and_one_node_owns_all() {
        assert_eq!(Ring::new(1, &[]).owner(&Uuid::ADMIN), None);
        let node = Uuid::random();
        let ring = Ring::new(1, &[node]);
        assert!(uuids(1000, "r").iter().all(|resource| ring.owner(resource) == Some(node)));
    }

    #[test]
    fn the_order_of_nodes_does_not_matter() {
        let mut nodes = uuids(5, "n");
        let ring = Ring::new(3, &nodes);
        nodes.reverse();
        assert_eq!(ring, Ring::new(3, &nodes));
    }

    #[test]
    fn a_seventeenth_node_takes_its_share_and_moves_nothing_else() {
        let nodes = uuids(17, "n");
        let (before, after) = (Ring::new(1, &nodes[..16]), Ring::new(2, &nodes));
        let resources = uuids(20_000, "r");
        let moved: Vec<_> = resources.iter().filter(|r| before.owner(r) != after.owner(r)).collect();
        assert!(moved.iter().all(|r| after.owner(r) == Some(nodes[16])), "only the new node gains");
        let share = moved.len() as f64 / resources.len() as f64;
        assert!(share < 1.1 / 17.0, "moved {share}");
        assert!(share > 0.8 / 17.0, "moved {share}");
    }
}
