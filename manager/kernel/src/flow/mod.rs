//! Durable flows: chains of steps over one serialisable context, journalled, undone on failure, resumed after a crash.
//!
//! - The journal records that a step starts before it changes anything, with the context as it is then; the end of one
//!   step and the start of the next are one write, which shares the commit of the step's own first write. So after a crash at most one step is in doubt, and it is run again: **steps are
//!   repeatable**, by asking for states ("make sure it is there") and by task ids derived from flow and step.
//! - A step that fails is undone too, then every step before it, newest first. Undo means "make sure it is gone".
//! - An undo that keeps failing becomes a debt ([`crate::gc`]): persisted, retried with backoff, visible; the other undos go on.
//!   One that fails since a host does not answer is a debt at once. What a step did before it failed is never guessed from
//!   how it failed: a command whose fate is unknown is undone as one that was done.
//! - Flows on one resource run one after another. The journal entry is written when a flow's turn comes.
//! - A flow runs in a task of its own: who started it may go away.
//! - A flow whose job was cancelled, or whose deadline has passed, starts no more steps and is undone; its undoes get time of
//!   their own.
//! - A flow of which this build lacks the chain, the step or the context is *parked*: it waits for somebody to decide what
//!   becomes of it ([`Decision`]), and until then no other flow starts on its resource.
//!
//! The alternative, a graph of actions with outputs looked up by name, buys parallel branches that no chain here needs
//! and loses the types; a step that wants parallel work calls `bus.call_all`.

mod adopt;
mod chain;
mod decide;
mod drive;
mod elsewhere;
mod journal;
mod parked;
mod recover;
mod step;

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use cumulo_schema::{ErrorCode, Uuid, codes};
use futures::future::BoxFuture;
use tokio::sync::watch;

pub use chain::{ChainError, Chains};
pub use journal::{FlowRow, FlowState, Phase};
pub use step::{Flow, FlowReply, Step, StepCx};

use crate::{
    bus::{Bus, CallContext},
    cluster::{Cluster, Hold},
    db::{Db, Deferred},
    faults::Faults,
    gc::Debts,
    plan::Planning,
    queue::Queues,
    timeline::Timeline,
    work::Work,
};
pub(crate) use decide::DecideFlow;
pub use decide::Decision;
use drive::Definition;
pub(crate) use elsewhere::RunFlow;

/// How a flow ended: its final context as JSON, or why not.
type Outcome = Result<serde_json::Value, ErrorCode>;
type Running = HashMap<Uuid, watch::Receiver<Option<Outcome>>>;

/// The flow engine; clones share it.
#[derive(Clone)]
pub struct Flows {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    queues: Queues,
    faults: Faults,
    debts: Debts,
    work: Work,
    bus: Bus,
    cluster: Cluster,
    timeline: Timeline,
    definitions: OnceLock<Definitions>,
    running: Mutex<Running>,
}

/// What of the node flows need beside the engine's own.
pub(crate) struct Around {
    pub(crate) work: Work,
    pub(crate) bus: Bus,
    pub(crate) cluster: Cluster,
    pub(crate) timeline: Timeline,
}

impl std::fmt::Debug for Flows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flows").field("running", &self.running_count()).finish_non_exhaustive()
    }
}

/// Steps by flow and chains by name, fixed at start.
#[derive(Default)]
pub(crate) struct Definitions {
    steps: HashMap<&'static str, Box<dyn Any + Send + Sync>>,
    flows: HashMap<&'static str, Arc<dyn drive::Resumable>>,
    names: HashMap<&'static str, Vec<&'static str>>,
    chains: Chains,
}

impl Definitions {
    /// # Panics
    /// When the flow has a step of that name already: a programming error.
    pub(crate) fn add<F: Flow>(&mut self, step: Arc<dyn Step<F>>) {
        let names = self.names.entry(F::NAME).or_default();
        assert!(!names.contains(&step.name()), "flow {} has two steps {}", F::NAME, step.name());
        names.push(step.name());
        self.flows.entry(F::NAME).or_insert_with(|| Arc::new(Definition::<F>::default()));
        let steps = self.steps.entry(F::NAME).or_insert_with(|| Box::new(Vec::<Arc<dyn Step<F>>>::new()));
        if let Some(steps) = steps.downcast_mut::<Vec<Arc<dyn Step<F>>>>() {
            steps.push(step);
        }
    }

    /// Takes the chains, refusing any that names a step its flow does not have.
    pub(crate) fn set_chains(&mut self, chains: Chains) -> Result<(), ChainError> {
        chains.check(&self.names)?;
        self.chains = chains;
        Ok(())
    }

    /// Names of the flows that have steps, sorted.
    pub(crate) fn flow_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.names.keys().copied().collect();
        names.sort_unstable();
        names
    }

    fn chain<F: Flow>(&self, chain: &str) -> Result<Vec<Arc<dyn Step<F>>>, ErrorCode> {
        let none = || ErrorCode::internal(format!("flow {} has no chain '{chain}'", F::NAME));
        let steps = self.steps.get(F::NAME).and_then(|steps| steps.downcast_ref::<Vec<Arc<dyn Step<F>>>>());
        let (steps, names) = (steps.ok_or_else(none)?, self.chains.steps(F::NAME, chain).ok_or_else(none)?);
        let step = |name: &String| steps.iter().find(|step| step.name() == name).cloned().ok_or_else(none);
        names.iter().map(step).collect()
    }
}

impl Flows {
    pub(crate) fn new(db: Db, queues: Queues, faults: Faults, debts: Debts, around: Around) -> Self {
        let (definitions, running) = (OnceLock::new(), Mutex::default());
        let Around { work, bus, cluster, timeline } = around;
        Self {
            inner: Arc::new(Inner { db, queues, faults, debts, work, bus, cluster, timeline, definitions, running }),
        }
    }

    pub(crate) fn open(&self, definitions: Definitions) {
        let opened = self.inner.definitions.set(definitions).is_ok();
        debug_assert!(opened, "flows open once");
    }

    /// Runs chain `chain` on `context` as the flow `id`, and waits for its end. Asking again with the same id joins the
    /// flow that runs, or answers how it ended; nothing is done twice.
    ///
    /// # Errors
    /// What the failing step said, after everything was undone.
    pub async fn run<F: Flow>(&self, chain: &str, id: Uuid, context: F) -> Result<F, ErrorCode> {
        let outcome = self.start(chain, id, None, context).await?;
        serde_json::from_value(outcome).map_err(|cause| {
            ErrorCode::internal(format!("flow {id} ended in an unreadable context")).because_of(&cause)
        })
    }

    /// As [`Flows::run`], for the flow that is the outcome of job `job`.
    pub(crate) async fn run_for_job<F: Flow>(&self, chain: &str, job: Uuid, context: F) -> Outcome {
        self.start(chain, job, Some(job), context).await
    }

    async fn start<F: Flow>(&self, chain: &str, id: Uuid, job: Option<Uuid>, context: F) -> Outcome {
        if let Some(planning) = Planning::current() {
            return Err(self.foresee(chain, id, context, &planning).await?);
        }
        let (resource, flow) = (context.resource(), F::NAME.to_owned());
        let mut wanted = RunFlow { flow, chain: chain.to_owned(), id, job, resource, context: serde_json::Value::Null };
        if !self.inner.cluster.is_shared() {
            return self.run_here(Hold::current(), wanted, context).await;
        }
        wanted.context = journal::encode(&context)?;
        self.run_where_it_belongs(wanted).await
    }

    /// Runs the flow on this node, under `hold`, if it does not run yet.
    async fn run_here<F: Flow>(&self, hold: Hold, wanted: RunFlow, context: F) -> Outcome {
        if let Some(outcome) = self.join(wanted.id).await {
            return outcome;
        }
        let definition = Definition::<F>::default();
        let (id, lane) = (wanted.id, lane(wanted.resource));
        let fresh = journal::Entry::fresh(id, &wanted.chain, wanted.job, self.inner.cluster.node(), &context)?;
        let flows = self.clone();
        // Boxed, or the state of every step would be part of the state of everybody who starts a flow.
        let work = Box::pin(async move {
            let queues = flows.inner.queues.clone();
            queues.run(&lane, 1, definition.begin(&flows, fresh, context)).await
        });
        self.spawn(id, Box::pin(hold.scope(work))).await
    }

    /// Notes what the chain would do on `context`, and ends the call.
    async fn foresee<F: Flow>(
        &self,
        chain: &str,
        id: Uuid,
        context: F,
        planning: &Planning,
    ) -> Result<ErrorCode, ErrorCode> {
        if let Err(veto) = self.unless_parked(context.resource()).await {
            planning.veto(veto);
        }
        let mut cx = StepCx { data: context, flow: id, place: String::new() };
        for step in self.definitions()?.chain::<F>(chain)? {
            planning.step(step.name(), step.describe(), None);
            step.name().clone_into(&mut cx.place);
            if let Err(veto) = step.foresee(&cx, planning).await {
                planning.veto(veto);
            }
        }
        Ok(planning.stop())
    }

    /// Waits until no flow runs here, at most `patience`. What still runs then goes on at the next start.
    pub(crate) async fn drain(&self, patience: std::time::Duration) {
        let receivers: Vec<_> = self.running().values().cloned().collect();
        let ended = futures::future::join_all(receivers.into_iter().map(wait));
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!("flows are cut off by the stop; they go on at the next start");
        }
    }

    /// How many flows run on this node now.
    #[must_use]
    pub fn running_count(&self) -> usize {
        self.running().len()
    }

    /// Waits for the flow `id` if it runs on this node.
    pub(crate) async fn join(&self, id: Uuid) -> Option<Outcome> {
        let receiver = self.running().get(&id).cloned()?;
        Some(wait(receiver).await)
    }

    /// Runs `work` as the flow `id` in a task of its own and waits for it.
    async fn spawn(&self, id: Uuid, work: BoxFuture<'static, Option<Outcome>>) -> Outcome {
        let (done, receiver) = watch::channel(None);
        self.running().insert(id, receiver.clone());
        let flows = self.clone();
        let work = match Deferred::current() {
            Some(_) => work,
            None => {
                let alone = Deferred::default();
                alone.last_commit_follows();
                Box::pin(alone.scope(work))
            }
        };
        tokio::spawn(CallContext::current().scope(async move {
            // `None` is a death that a test ordered: nobody is told, as nobody would be.
            let outcome = work.await;
            // What it left in the journal, if anything, is looked for: it may be for another node, or for this one again.
            let failed = matches!(&outcome, Some(Err(_)));
            if let Some(outcome) = outcome {
                done.send_replace(Some(outcome));
            }
            flows.running().remove(&id);
            if failed {
                flows.inner.cluster.strayed();
            }
        }));
        wait(receiver).await
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn definitions(&self) -> Result<&Definitions, ErrorCode> {
        self.inner
            .definitions
            .get()
            .ok_or_else(|| ErrorCode::new(codes::NOT_READY, "the management node is still starting; try again"))
    }
}

/// Flows on one resource run one after another.
fn lane(resource: Uuid) -> String {
    format!("flow:{resource}")
}

async fn wait(mut receiver: watch::Receiver<Option<Outcome>>) -> Outcome {
    match receiver.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(ErrorCode::internal("a flow ended without an outcome"))),
        Err(_) => Err(ErrorCode::new(
            codes::NODE_UNAVAILABLE,
            "the flow was cut off; it goes on when the management node starts again",
        )),
    }
}
