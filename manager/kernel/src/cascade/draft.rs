//! What a delete will do, before it is done: sets by kind and effect.

use std::collections::{BTreeMap, BTreeSet};

use cumulo_schema::{ErrorCode, ResourceMeta, Uuid};

use super::{Cascade, Doomed, Effect, Loss};

/// The steps of a delete, in the order in which they are done: leaves first, the root last.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) steps: Vec<DraftStep>,
    pub(crate) doomed: Doomed,
}

/// These resources will bear that.
#[derive(Debug)]
pub(crate) struct DraftStep {
    pub(crate) meta: &'static ResourceMeta,
    pub(crate) effect: Effect,
    /// What they lose (VO names); empty for the root.
    pub(crate) losing: Vec<&'static str>,
    pub(crate) uuids: Vec<Uuid>,
}

/// What is gathered of one kind.
#[derive(Default)]
struct Gathered(BTreeMap<Effect, (BTreeSet<&'static str>, BTreeSet<Uuid>)>);

impl Gathered {
    fn add(&mut self, effect: Effect, losing: Option<&'static str>, uuids: Vec<Uuid>) {
        if uuids.is_empty() {
            return;
        }
        let (losses, all) = self.0.entry(effect).or_default();
        losses.extend(losing);
        all.extend(uuids);
    }

    /// What is deleted bears nothing else.
    fn settle(mut self) -> impl Iterator<Item = (Effect, Vec<&'static str>, Vec<Uuid>)> {
        let deleted = self.0.get(&Effect::Deleted).map(|(_, uuids)| uuids.clone()).unwrap_or_default();
        for (effect, (_, uuids)) in &mut self.0 {
            if *effect != Effect::Deleted {
                uuids.retain(|uuid| !deleted.contains(uuid));
            }
        }
        let filled = self.0.into_iter().filter(|(_, (_, uuids))| !uuids.is_empty());
        filled.map(|(effect, (losses, uuids))| (effect, losses.into_iter().collect(), uuids.into_iter().collect()))
    }
}

impl Cascade {
    /// What deleting `uuids` of the kind `vo` does.
    ///
    /// # Errors
    /// When a service cannot say what is affected.
    pub(crate) async fn draft(&self, vo: &'static str, uuids: &[Uuid]) -> Result<Draft, ErrorCode> {
        let mut draft = Draft::default();
        for kind in self.graph.below(vo)? {
            let (action, mut gathered) = (self.action(kind.meta.vo)?, Gathered::default());
            if kind.meta.vo == vo {
                gathered.add(action.effect(vo), None, uuids.to_vec());
            }
            for parent in &kind.parents {
                let lost = draft.doomed.of(parent);
                if !lost.is_empty() {
                    let loss = Loss { losing: parent, uuids: &lost, doomed: &draft.doomed };
                    gathered.add(action.effect(parent), Some(parent), action.affected(&loss).await?);
                }
            }
            // In reverse: the whole list is turned round at the end, and of one kind changes come before deletion.
            let mut settled: Vec<_> = gathered.settle().collect();
            while let Some((effect, losing, uuids)) = settled.pop() {
                if effect == Effect::Deleted {
                    draft.doomed.add(kind.meta.vo, uuids.iter().copied());
                }
                draft.steps.push(DraftStep { meta: kind.meta, effect, losing, uuids });
            }
        }
        draft.steps.reverse();
        Ok(draft)
    }
}
