//! Cascade: deleting a resource takes its consequences with it, leaves first, and can say so beforehand.
//!
//! Resources join by naming what they hang on; what only describes another row (a NIC of a VM, an attachment, tags) joins by
//! its declaration alone, as a part ([`parts`]). A delete is planned first: kind by kind, parents before children, each kind is
//! asked **once** what of it bears the losses above it, so that 10,000 VMs are one set and not 10,000 walks. Then it is
//! done from the leaves to the root. What a loss means depends on what is lost: a VM is stopped when its host goes and
//! destroyed when its storage goes; of two meanings for one resource deletion wins.
//!
//! A branch that fails stops a permissive delete with nothing above it changed, and the same delete asked again goes on
//! where it stopped, since what is gone is no longer affected. An enforced one goes on over failures, up to the root's own.
//!
//! The alternative, recursion from each resource into its children, visits a VM once for its host and once more for its
//! storage, stops it and then destroys it, and cannot tell how many of anything there are before it is done.

mod draft;
mod graph;
mod parts;
mod reads;
mod run;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid};

use graph::Graph;
use parts::Parts;
pub(crate) use parts::{Going, row_key};
pub use reads::{hanging_on, owned_by};

use crate::{db::Db, plan::Planning};

/// What losing something means to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// It stays and changes, in one word for people: `stopped`.
    Changed(&'static str),
    /// It is deleted too, so that what hangs on it is affected in turn.
    Deleted,
}

/// What is about to go.
#[derive(Debug, Clone, Copy)]
pub struct Loss<'d> {
    /// The kind (VO name).
    pub losing: &'static str,
    /// Which ones.
    pub uuids: &'d [Uuid],
    /// Everything that is known to go so far: all kinds above the one that is asked.
    pub doomed: &'d Doomed,
}

/// What is to be done to resources of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Work<'d> {
    /// What happens to them.
    pub effect: Effect,
    /// Which ones.
    pub uuids: &'d [Uuid],
    /// Go on over what fails.
    pub enforcing: bool,
    /// Everything that goes in this delete: what lies on a storage that goes too needs no cleaning.
    pub doomed: &'d Doomed,
}

/// The resources that a delete deletes, by kind.
#[derive(Debug, Default)]
pub struct Doomed(HashMap<&'static str, BTreeSet<Uuid>>);

impl Doomed {
    /// Those of the kind `vo`, sorted.
    #[must_use]
    pub fn of(&self, vo: &str) -> Vec<Uuid> {
        self.0.get(vo).into_iter().flatten().copied().collect()
    }

    /// Whether `uuid` of the kind `vo` goes.
    #[must_use]
    pub fn has(&self, vo: &str, uuid: Uuid) -> bool {
        self.0.get(vo).is_some_and(|uuids| uuids.contains(&uuid))
    }

    pub(crate) fn add(&mut self, vo: &'static str, uuids: impl IntoIterator<Item = Uuid>) {
        self.0.entry(vo).or_default().extend(uuids);
    }
}

/// How one kind of resource takes part.
#[async_trait]
pub trait CascadeAction: Send + Sync + 'static {
    /// Which of its resources bear `loss`. Empty is a normal answer.
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode>;

    /// What losing `losing` means to them; where that is their own kind, what a delete of them is.
    fn effect(&self, losing: &str) -> Effect {
        let _ = losing;
        Effect::Deleted
    }

    /// Notes in a plan what [`CascadeAction::act`] does beside what declarations say. An `Err` is what would make it fail, as
    /// far as can be told beforehand.
    async fn foresee(&self, work: &Work<'_>, planning: &Planning) -> Result<(), ErrorCode> {
        let _ = (work, planning);
        Ok(())
    }

    /// Does it, to all of them. Repeatable: what is gone or as it should be is fine.
    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode>;
}

/// Who hangs on whom, and what is part of what.
pub struct Cascade {
    db: Db,
    graph: Graph,
    parts: Parts,
    /// By VO name.
    actions: HashMap<&'static str, Arc<dyn CascadeAction>>,
}

impl std::fmt::Debug for Cascade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cascade").field("graph", &self.graph).finish_non_exhaustive()
    }
}

/// What services declare while they install themselves.
#[derive(Default)]
pub(crate) struct Joined {
    graph: Graph,
    actions: HashMap<&'static str, Arc<dyn CascadeAction>>,
}

impl Joined {
    pub(crate) fn add(
        &mut self,
        resource: &'static ResourceMeta,
        parents: &[&'static str],
        action: Arc<dyn CascadeAction>,
    ) {
        self.actions.insert(resource.vo, action);
        self.graph.add(resource, parents);
    }
}

impl Cascade {
    pub(crate) fn new(db: Db, joined: Joined, resources: &[&'static ResourceMeta]) -> Self {
        Self { db, graph: joined.graph, parts: Parts::new(resources), actions: joined.actions }
    }

    /// Every declared edge as (child VO, parent VO), in the order of installation.
    #[must_use]
    pub fn edges(&self) -> Vec<(&'static str, &'static str)> {
        self.graph.edges()
    }

    pub(crate) async fn foresee(&self, vo: &str, work: &Work<'_>, planning: &Planning) -> Result<(), ErrorCode> {
        self.action(vo)?.foresee(work, planning).await
    }

    fn action(&self, vo: &str) -> Result<&Arc<dyn CascadeAction>, ErrorCode> {
        self.actions.get(vo).ok_or_else(|| ErrorCode::internal(format!("{vo} takes no part in the cascade")))
    }
}
