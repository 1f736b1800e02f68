//! What a flow and its steps are.

use std::ops::{Deref, DerefMut};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Serialize, de::DeserializeOwned};

use crate::plan::Planning;

/// The context of a flow: ids and choices, never connections, so that it can be stored.
pub trait Flow: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The flow's name; also that of its usual chain.
    const NAME: &'static str;
    /// The layout of this context; grows when it changes incompatibly.
    const VERSION: u32 = 1;

    /// The resource it works on. Flows on one resource run one after another.
    fn resource(&self) -> Uuid;

    /// What an API call answers when this flow was what it asked for.
    fn reply(&self) -> FlowReply;
}

/// How the answer to an API call is made from the end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowReply {
    /// `{}`.
    Empty,
    /// The inventory of the named resource.
    Inventory(&'static str, Uuid),
}

/// One step. It does one remote thing, or one batch.
#[async_trait]
pub trait Step<F: Flow>: Send + Sync + 'static {
    /// Unique within the flow, kebab-case: operators read it, configuration and journal name it.
    fn name(&self) -> &'static str;

    /// What it does, in one sentence for the reader of a plan; empty where the name says it.
    fn describe(&self) -> &'static str {
        ""
    }

    /// Notes in a plan what it would touch and how it would choose. An `Err` is why it would fail. Changes nothing.
    async fn foresee(&self, cx: &StepCx<F>, planning: &Planning) -> Result<(), ErrorCode> {
        let _ = (cx, planning);
        Ok(())
    }

    /// Whether its start may be written together with that of a step before it, so that it costs no commit and waits for no
    /// disk. True of a step whose undo finds everything by what was known when that step started. When the machine fails, what
    /// the steps between wrote may be lost while what this one did outside remains; then all of them run again, or are undone.
    fn is_foretold(&self) -> bool {
        false
    }

    /// Does it. After a crash it may be run again: it must do no more then than if it had been run once.
    async fn run(&self, cx: &mut StepCx<F>) -> Result<(), ErrorCode>;

    /// Makes sure it is gone, also when `run` did nothing, half of it, or all of it and the answer was lost. Finds things
    /// by ids known before the step. May be called twice.
    async fn undo(&self, cx: &mut StepCx<F>) -> Result<(), ErrorCode>;
}

/// What a step works with: the flow's context, and ids for what it asks of others.
#[derive(Debug)]
pub struct StepCx<F> {
    pub(super) data: F,
    pub(super) flow: Uuid,
    /// `start-vm`, or `start-vm/undo/2` for the second try of its undo.
    pub(super) place: String,
}

impl<F> StepCx<F> {
    /// The flow's id.
    #[must_use]
    pub fn flow(&self) -> Uuid {
        self.flow
    }

    /// The id of an agent task called `name` in this step: the same when the step is run again after a crash, so that the
    /// agent does it once; another when an undo is tried again.
    #[must_use]
    pub fn task(&self, name: &str) -> Uuid {
        self.flow.derive(&format!("{}/{name}", self.place))
    }
}

impl<F> Deref for StepCx<F> {
    type Target = F;
    fn deref(&self) -> &F {
        &self.data
    }
}

impl<F> DerefMut for StepCx<F> {
    fn deref_mut(&mut self) -> &mut F {
        &mut self.data
    }
}
