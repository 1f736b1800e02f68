//! Cascade: deleting a resource takes its consequences with it, leaves first, and can say so beforehand.
//!
//! Resources join by naming what they hang on. A delete asks down the graph what is affected (that is the plan), then acts
//! from the leaves to the root. What an affected resource does depends on what it loses: a VM is stopped when its host
//! goes and destroyed when its storage goes. A branch that fails stops a permissive delete with nothing above it changed,
//! and the same delete asked again goes on where it stopped, since what is gone is no longer affected.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid, codes};
use futures::future::BoxFuture;
use serde::Serialize;

/// Deepest chain of consequences; a circle of declarations would be deeper.
const MAX_DEPTH: usize = 32;

/// How one resource takes part.
#[async_trait]
pub trait CascadeAction: Send + Sync + 'static {
    /// Which of its resources are affected when `losing` (a VO name) called `uuids` go. Empty is a normal answer.
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode>;

    /// Whether losing `losing` deletes these resources, so that what hangs on them is affected in turn.
    fn is_deleted_by(&self, losing: &str) -> bool {
        let _ = losing;
        true
    }

    /// Makes `uuids` bear the loss of `losing`; where `losing` is the resource itself, deletes them. Repeatable.
    async fn act(&self, losing: &str, uuids: &[Uuid], enforcing: bool) -> Result<(), ErrorCode>;
}

/// Who hangs on whom.
#[derive(Default)]
pub struct Cascade {
    /// By VO name.
    actions: HashMap<&'static str, Arc<dyn CascadeAction>>,
    /// Parent VO to child VOs, in the order of installation.
    edges: HashMap<&'static str, Vec<&'static str>>,
}

/// One step of a plan: these resources will act on that loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// VO name of what is affected.
    pub resource: &'static str,
    /// VO name of what it loses; its own for what is deleted itself.
    pub losing: &'static str,
    /// Which ones.
    pub uuids: Vec<Uuid>,
}

impl std::fmt::Debug for Cascade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cascade").field("edges", &self.edges).finish_non_exhaustive()
    }
}

impl Cascade {
    pub(crate) fn add(
        &mut self,
        resource: &'static ResourceMeta,
        parents: &[&'static str],
        action: Arc<dyn CascadeAction>,
    ) {
        self.actions.insert(resource.vo, action);
        for parent in parents {
            self.edges.entry(parent).or_default().push(resource.vo);
        }
    }

    /// What deleting `uuids` of the resource `vo` does, in the order it is done: leaves first, the resource itself last.
    ///
    /// # Errors
    /// When a service cannot say what is affected.
    pub async fn plan(&self, vo: &'static str, uuids: Vec<Uuid>) -> Result<Vec<PlanStep>, ErrorCode> {
        let mut steps = Vec::new();
        self.visit(PlanStep { resource: vo, losing: vo, uuids }, 0, &mut steps).await?;
        Ok(steps)
    }

    fn visit<'a>(
        &'a self,
        step: PlanStep,
        depth: usize,
        steps: &'a mut Vec<PlanStep>,
    ) -> BoxFuture<'a, Result<(), ErrorCode>> {
        Box::pin(async move {
            if depth > MAX_DEPTH {
                return Err(ErrorCode::internal(format!("the cascade of {} does not end", step.resource)));
            }
            let goes_on = step.losing == step.resource || self.action(step.resource)?.is_deleted_by(step.losing);
            for child in self.edges.get(step.resource).into_iter().flatten().filter(|_| goes_on) {
                let affected = self.action(child)?.affected(step.resource, &step.uuids).await?;
                if !affected.is_empty() {
                    let next = PlanStep { resource: child, losing: step.resource, uuids: affected };
                    self.visit(next, depth + 1, steps).await?;
                }
            }
            steps.push(step);
            Ok(())
        })
    }

    /// Deletes `uuids` of the resource `vo` with all consequences. `enforcing` goes on over branches that fail.
    ///
    /// # Errors
    /// SYS.1004 with the branch that failed as cause; nothing above it was changed. When enforcing, only the failure of
    /// the resource's own deletion.
    pub async fn delete(&self, vo: &'static str, uuids: Vec<Uuid>, enforcing: bool) -> Result<(), ErrorCode> {
        for step in self.plan(vo, uuids).await? {
            let outcome = self.action(step.resource)?.act(step.losing, &step.uuids, enforcing).await;
            match outcome {
                Ok(()) => {}
                Err(error) if enforcing && step.losing != step.resource => {
                    tracing::warn!(resource = step.resource, losing = step.losing, %error, "an enforced delete goes on over a failure");
                }
                Err(error) => {
                    let details = match step.losing == step.resource {
                        true => format!("could not delete {}", step.resource),
                        false => format!(
                            "could not delete {vo}: {} of {} {} could not be dealt with; mend that and delete again",
                            step.uuids.len(),
                            step.resource,
                            if step.uuids.len() == 1 { "resource" } else { "resources" },
                        ),
                    };
                    return Err(ErrorCode::new(codes::DELETE_RESOURCE, details).because(error));
                }
            }
        }
        Ok(())
    }

    fn action(&self, vo: &str) -> Result<&Arc<dyn CascadeAction>, ErrorCode> {
        self.actions.get(vo).ok_or_else(|| ErrorCode::internal(format!("{vo} takes no part in the cascade")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use cumulo_schema::Resource;

    use super::*;

    type Log = Arc<Mutex<Vec<String>>>;

    /// Each has one resource; `survives` lists losses that do not delete it.
    struct Thing {
        name: &'static str,
        uuid: Uuid,
        survives: &'static [&'static str],
        fails: bool,
        log: Log,
    }

    #[async_trait]
    impl CascadeAction for Thing {
        async fn affected(&self, _: &str, _: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
            Ok(vec![self.uuid])
        }
        fn is_deleted_by(&self, losing: &str) -> bool {
            !self.survives.contains(&losing)
        }
        async fn act(&self, losing: &str, _: &[Uuid], _: bool) -> Result<(), ErrorCode> {
            if self.fails {
                return Err(ErrorCode::operation("host is away"));
            }
            self.log.lock().expect("not poisoned").push(format!("{} loses {losing}", self.name));
            Ok(())
        }
    }

    fn meta(vo: &'static str) -> &'static ResourceMeta {
        Box::leak(Box::new(ResourceMeta { vo, ..*cumulo_schema::system::ManagementNode::META }))
    }

    fn cascade(vm_fails: bool) -> (Cascade, Log) {
        let (mut cascade, log) = (Cascade::default(), Log::default());
        let mut add = |name: &'static str, parents: &[&'static str], survives, fails| {
            let thing = Thing { name, uuid: Uuid::random(), survives, fails, log: log.clone() };
            cascade.add(meta(name), parents, Arc::new(thing));
        };
        add("zone", &[], &[], false);
        add("host", &["zone"], &[], false);
        add("vm", &["host"], &["host"], vm_fails);
        add("nic", &["vm"], &[], false);
        (cascade, log)
    }

    #[tokio::test]
    async fn leaves_act_first_and_a_survivor_loses_nothing_below_it() {
        let (cascade, log) = cascade(false);
        cascade.delete("zone", vec![Uuid::random()], false).await.expect("deleted");
        assert_eq!(*log.lock().expect("not poisoned"), ["vm loses host", "host loses zone", "zone loses zone"]);
    }

    #[tokio::test]
    async fn a_failing_branch_stops_a_permissive_delete_and_not_an_enforced_one() {
        let (cascade_p, log) = cascade(true);
        let error = cascade_p.delete("zone", vec![Uuid::random()], false).await.expect_err("the vm fails");
        assert_eq!(error.code, "SYS.1004");
        assert!(log.lock().expect("not poisoned").is_empty(), "nothing above the failure was touched");
        let (cascade_e, log) = cascade(true);
        cascade_e.delete("zone", vec![Uuid::random()], true).await.expect("enforced");
        assert_eq!(*log.lock().expect("not poisoned"), ["host loses zone", "zone loses zone"]);
    }
}
