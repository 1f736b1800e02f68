//! The consistent-hash ring: which management node owns a resource.
//!
//! Every node is on the ring at many points, so that a node that joins or leaves moves only its share of the resources
//! and takes it evenly from all others. A lookup is a binary search in a sorted vector of points, which beats a tree: it
//! is built once per membership change and read on every call. Whose a point is stands beside that vector and not in it: what
//! is searched is a third as large then.

use std::{
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

use cumulo_schema::Uuid;
use tokio::sync::watch;

/// Points a node has on the ring; 500 is also what ZStack uses (features.md §0).
const POINTS: u32 = 500;

/// An immutable ring of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    epoch: u64,
    nodes: Vec<Uuid>,
    /// Where points are, ascending.
    positions: Vec<u64>,
    /// Whose each of them is: its place in `nodes`.
    owners: Vec<usize>,
}

impl Ring {
    /// The ring of `nodes` in `epoch`. The order of `nodes` does not matter.
    #[must_use]
    pub fn new(epoch: u64, nodes: &[Uuid]) -> Self {
        let mut nodes = nodes.to_vec();
        nodes.sort_unstable();
        nodes.dedup();
        let points = |(owner, node)| (0..POINTS).map(move |index| (hash(node, index), owner));
        let mut points: Vec<_> = nodes.iter().enumerate().flat_map(points).collect();
        points.sort_unstable();
        let (positions, owners) = points.into_iter().unzip();
        Self { epoch, nodes, positions, owners }
    }

    /// Whether `node` is on it.
    #[must_use]
    pub fn contains(&self, node: &Uuid) -> bool {
        self.nodes.binary_search(node).is_ok()
    }

    /// The number of this membership; grows with every change.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The nodes on it, sorted.
    #[must_use]
    pub fn nodes(&self) -> Vec<Uuid> {
        self.nodes.clone()
    }

    /// The node that owns `resource`; `None` on an empty ring.
    #[must_use]
    pub fn owner(&self, resource: &Uuid) -> Option<Uuid> {
        let position = hash(resource, 0);
        let index = self.positions.partition_point(|point| *point < position);
        let owner = self.owners.get(index).or_else(|| self.owners.first())?;
        self.nodes.get(*owner).copied()
    }
}

/// Who is there, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The ring of now.
    pub ring: Ring,
    /// The epoch in which this life of the node joined. What was sent in an earlier one was meant for an earlier life.
    pub joined: u64,
}

/// Where the bus reads who is there; whoever keeps the membership holds the sender of `view`.
#[derive(Debug, Clone)]
pub struct Members {
    node: Uuid,
    view: watch::Receiver<Arc<View>>,
    alone: bool,
}

impl Members {
    /// The membership as `node` sees it, told through `view`.
    #[must_use]
    pub fn new(node: Uuid, view: watch::Receiver<Arc<View>>) -> Self {
        Self { node, view, alone: false }
    }

    /// `node` by itself, for good: it must not meet others.
    #[must_use]
    pub fn alone(node: Uuid) -> Self {
        let (_, view) = watch::channel(Arc::new(View { ring: Ring::new(1, &[node]), joined: 1 }));
        Self { node, view, alone: true }
    }

    /// Whether it takes everything for its own, for good.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> Uuid {
        self.node
    }

    /// What is so now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// Waits until the view fulfils `wanted`, and answers it; for ever where it never does.
    pub async fn until(&self, mut wanted: impl FnMut(&View) -> bool) -> Arc<View> {
        let mut view = self.view.clone();
        let found = view.wait_for(|view| wanted(view)).await.map(|view| view.clone());
        match found {
            Ok(view) => view,
            Err(_) => std::future::pending().await,
        }
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
