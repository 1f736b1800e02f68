//! Driving one flow from where its journal stands to its end.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use cumulo_schema::{ErrorCode, Json, Uuid, codes};
use futures::future::BoxFuture;

use super::{
    Flow, FlowReply, FlowRow, FlowState, Flows, Outcome, Phase, RunFlow, Step, StepCx,
    journal::{self, Entry, Start},
    parked::{Standing, in_doubt, lost_step},
};
use crate::{
    bus::CallContext,
    cluster::{Hold, moved},
    db::Deferred,
    faults::{Point, Verdict},
    gc::UndoDebt,
    timeline::Live,
};

/// Tries of an undo before it becomes a debt, and the pause after the first; it doubles.
const UNDO_TRIES: u32 = 3;
const UNDO_PAUSE: Duration = Duration::from_millis(100);
/// What an undo has at least, also where the flow failed because its time was up.
const UNDO_DEADLINE: Duration = Duration::from_mins(5);

/// A flow type, for code that knows flows only by name.
pub(super) trait Resumable: Send + Sync {
    /// Starts it, or joins the one of that id.
    fn start(&self, flows: Flows, hold: Hold, wanted: RunFlow) -> BoxFuture<'static, Outcome>;
    /// Goes on where the journal row stands.
    fn resume(&self, flows: Flows, row: FlowRow) -> BoxFuture<'static, Option<Outcome>>;
    /// Runs the undo of one step once more, for a debt.
    fn undo_once(&self, flows: Flows, debt: UndoDebt, attempt: u64) -> BoxFuture<'static, Result<(), ErrorCode>>;
    /// The steps that the chain of `row` has now; an error where this build cannot read the flow.
    fn chain_of(&self, flows: &Flows, row: &FlowRow) -> Result<Vec<NamedStep>, ErrorCode>;
    /// What an API answers for the final `context`.
    fn reply(&self, context: &serde_json::Value) -> Result<FlowReply, ErrorCode>;
}

/// A step, for who only names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamedStep {
    pub(super) name: &'static str,
    pub(super) describe: &'static str,
}

pub(super) struct Definition<F>(PhantomData<fn() -> F>);

impl<F> Default for Definition<F> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<F: Flow> Definition<F> {
    /// Starts a new flow. One that is in the journal already is joined or answered instead.
    pub(super) async fn begin(&self, flows: &Flows, mut entry: Entry, context: F) -> Option<Outcome> {
        if let Some(refusal) = flows.inner.work.refusal(&CallContext::current()) {
            return Some(Err(refusal));
        }
        if flows.is_to_leave() {
            return Some(Err(moved()));
        }
        let steps = match flows.definitions().and_then(|definitions| definitions.chain::<F>(&entry.0.chain)) {
            Ok(steps) => steps,
            Err(error) => return Some(Err(error)),
        };
        entry.0.step = steps.first().map(|step| step.name().to_owned()).unwrap_or_default();
        entry.0.steps = Some(Json(steps.iter().map(|step| step.name().to_owned()).collect()));
        let (foretold, until) = foretold(&steps, 0);
        entry.0.foretold = foretold.map(str::to_owned);
        let id = entry.0.uuid;
        match journal::find(&flows.inner.db, id).await {
            // Not taken up yet; whoever asks waits until it is.
            Ok(Some(row)) if row.state == FlowState::Active && row.node_uuid != flows.inner.cluster.node() => {
                Some(Err(moved()))
            }
            Ok(Some(row)) => self.go_on(flows, row).await,
            // Should two ever get here at once, the second can write nothing and reach no agent: its first row collides.
            Ok(None) => {
                if let Err(error) = flows.unless_parked(entry.0.resource_uuid).await {
                    return Some(Err(error));
                }
                match journal::insert(&flows.inner.db, &entry.0, until).await {
                    Ok(()) => Drive::new(flows, steps, id, &entry.0.chain, context, None).run(0).await,
                    Err(error) => Some(Err(error.into())),
                }
            }
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn go_on(&self, flows: &Flows, row: FlowRow) -> Option<Outcome> {
        match row.state {
            FlowState::Done => return Some(Ok(row.context.0)),
            FlowState::Failed | FlowState::Parked => {
                let unknown = || ErrorCode::internal(format!("flow {} failed without a reason", row.uuid));
                return Some(Err(row.error.map_or_else(unknown, |error| error.0)));
            }
            FlowState::Active => {}
        }
        if flows.is_to_leave() {
            return Some(Err(moved()));
        }
        match self.prepare(flows, &row) {
            Ok((steps, data, at)) => {
                let names: Vec<&str> = steps.iter().map(|step| step.name()).collect();
                let lost = lost_step(&row, &names);
                let reached = in_doubt(&row).iter().filter_map(|step| names.iter().position(|name| name == step));
                let reached = reached.max().unwrap_or(at).max(at);
                let drive = Drive::new(flows, steps, row.uuid, &row.chain, data, Some(&row.step));
                let drive = Drive { lost, reached, ..drive };
                match row.phase {
                    Phase::Running => drive.run(at).await,
                    Phase::Undoing => {
                        let error = row.error.map_or_else(|| ErrorCode::internal("interrupted"), |error| error.0);
                        drive.unwind(error).await
                    }
                }
            }
            Err(why) => Some(Err(flows.park(&Standing::of(flows, &row), why).await)),
        }
    }

    /// Steps, context and position of a journalled flow, where this build still knows them.
    #[expect(clippy::type_complexity, reason = "three things that are taken apart at once")]
    fn prepare(&self, flows: &Flows, row: &FlowRow) -> Result<(Vec<Arc<dyn Step<F>>>, F, usize), ErrorCode> {
        let (steps, data) = self.read(flows, row)?;
        let at = steps.iter().position(|step| step.name() == row.step);
        let lost = || ErrorCode::internal(format!("it stands at the step '{}', which the chain lacks", row.step));
        Ok((steps, data, at.ok_or_else(lost)?))
    }

    /// Steps and context of a journalled flow.
    #[expect(clippy::type_complexity, reason = "two things that are taken apart at once")]
    fn read(&self, flows: &Flows, row: &FlowRow) -> Result<(Vec<Arc<dyn Step<F>>>, F), ErrorCode> {
        if u32::try_from(row.version) != Ok(F::VERSION) {
            let text = format!("its context has version {}, this build has {}", row.version, F::VERSION);
            return Err(ErrorCode::internal(text));
        }
        let steps = flows.definitions()?.chain::<F>(&row.chain)?;
        let data = serde_json::from_value(row.context.0.clone())
            .map_err(|cause| ErrorCode::internal("its context is unreadable").because_of(&cause))?;
        Ok((steps, data))
    }
}

impl<F: Flow> Resumable for Definition<F> {
    fn start(&self, flows: Flows, hold: Hold, mut wanted: RunFlow) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let context: F = serde_json::from_value(wanted.context.take()).map_err(|cause| {
                ErrorCode::internal(format!("the context of {} is unreadable", F::NAME)).because_of(&cause)
            })?;
            flows.run_here(hold, wanted, context).await
        })
    }

    fn resume(&self, flows: Flows, row: FlowRow) -> BoxFuture<'static, Option<Outcome>> {
        Box::pin(async move { Self::default().go_on(&flows, row).await })
    }

    fn undo_once(&self, flows: Flows, debt: UndoDebt, attempt: u64) -> BoxFuture<'static, Result<(), ErrorCode>> {
        Box::pin(async move {
            let steps = flows.definitions()?.chain::<F>(&debt.chain)?;
            let gone = || ErrorCode::internal(format!("chain {} has no step '{}' any more", debt.chain, debt.step));
            let step = steps.iter().find(|step| step.name() == debt.step).ok_or_else(gone)?;
            let data = serde_json::from_value(debt.context)
                .map_err(|cause| ErrorCode::internal("a debt's context is unreadable").because_of(&cause))?;
            let place = format!("{}/debt/{attempt}", debt.step);
            step.undo(&mut StepCx { data, flow: debt.flow, place }).await
        })
    }

    fn chain_of(&self, flows: &Flows, row: &FlowRow) -> Result<Vec<NamedStep>, ErrorCode> {
        let (steps, _) = Self::default().read(flows, row)?;
        Ok(steps.iter().map(|step| NamedStep { name: step.name(), describe: step.describe() }).collect())
    }

    fn reply(&self, context: &serde_json::Value) -> Result<FlowReply, ErrorCode> {
        let context: F = serde_json::from_value(context.clone())
            .map_err(|cause| ErrorCode::internal("a flow ended in an unreadable context").because_of(&cause))?;
        Ok(context.reply())
    }
}

/// What became of an undo.
enum Undone {
    /// It is done, or owed.
    Well,
    /// Another node is to go on.
    Left,
    /// A test ordered the process dead, or the database is closed.
    Dead,
}

struct Drive<'f, F: Flow> {
    flows: &'f Flows,
    steps: Vec<Arc<dyn Step<F>>>,
    chain: &'f str,
    cx: StepCx<F>,
    /// A step that an earlier build did and that this one cannot undo.
    lost: Option<String>,
    /// The furthest step that may have begun.
    reached: usize,
    live: Live,
}

/// The last step whose start is told with that of the one in the place `at`, if there is any, and up to which place it is told.
fn foretold<F: Flow>(steps: &[Arc<dyn Step<F>>], at: usize) -> (Option<&'static str>, usize) {
    let with_it = steps.iter().skip(at + 1).take_while(|step| step.is_foretold());
    with_it.zip(at + 1..).last().map_or((None, at), |(last, place)| (Some(last.name()), place))
}

/// Whether trying an undo again soon is of no use: who was called is away, and was waited for already. Whoever waits for the
/// flow would wait as long again for each step.
fn is_pointless(error: &ErrorCode) -> bool {
    error.comes_of(codes::HOST_CONNECTION)
}

/// How one step went.
enum Went {
    Well,
    Wrong(ErrorCode),
    /// Another node is to go on.
    Left,
    /// A test ordered the process dead.
    Dead,
}

impl<'f, F: Flow> Drive<'f, F> {
    /// `from` is the step where a flow that was begun before goes on.
    fn new(
        flows: &'f Flows,
        steps: Vec<Arc<dyn Step<F>>>,
        id: Uuid,
        chain: &'f str,
        data: F,
        from: Option<&str>,
    ) -> Self {
        let live = flows.inner.timeline.follow(id, chain, data.resource(), from);
        Self { flows, steps, chain, cx: StepCx { data, flow: id, place: String::new() }, lost: None, reached: 0, live }
    }

    /// Runs the steps from `at` on, whose start is in the journal.
    async fn run(mut self, mut at: usize) -> Option<Outcome> {
        while at < self.steps.len() {
            self.reached = self.reached.max(at);
            let went = match self.flows.inner.work.refusal(&CallContext::current()) {
                _ if self.flows.is_to_leave() => Went::Left,
                Some(refusal) => Went::Wrong(refusal),
                None => self.step(at).await,
            };
            match went {
                Went::Well => at += 1,
                Went::Wrong(error) => return self.unwind(error).await,
                Went::Left => return self.leave().await,
                Went::Dead => return self.die().await,
            }
            if at < self.steps.len()
                && !(self.steps[at].is_foretold() && self.is_told_once())
                && let Err(error) = self.journal(at, Phase::Running, None).await
            {
                return self.unwind(error).await;
            }
        }
        Some(self.finish().await)
    }

    /// Whether the start of a step that was told with another's is not told again. Where there may be other nodes each is:
    /// that also asks whether the flow is still this node's.
    fn is_told_once(&self) -> bool {
        !self.flows.inner.cluster.is_shared()
    }

    async fn finish(&self) -> Outcome {
        let context = journal::encode(&self.cx.data)?;
        self.end(FlowState::Done, Some(context.clone()), None).await?;
        Ok(context)
    }

    async fn step(&mut self, at: usize) -> Went {
        let (step, faults) = (self.steps[at].clone(), self.flows.inner.faults.clone());
        match faults.at(Point::StepStart { flow: self.cx.flow, step: step.name() }) {
            Verdict::Pass => {}
            Verdict::Fail(error) => return Went::Wrong(error),
            Verdict::Die => return Went::Dead,
        }
        tracing::debug!(flow = %self.cx.flow, chain = self.chain, step = step.name(), "step starts");
        let context = CallContext::current();
        self.tell(&context, at, false);
        let entry = self.live.trail().step(step.name(), false);
        let told = self.is_told_once().then_some((self.cx.flow, at));
        let outcome = {
            step.name().clone_into(&mut self.cx.place);
            let run = Deferred::in_step(told, step.run(&mut self.cx));
            self.live.trail().scope(step.name(), run).await
        };
        self.live.trail().ended(entry, outcome.as_ref().err());
        match (outcome, faults.at(Point::StepEnd { flow: self.cx.flow, step: step.name() })) {
            (_, Verdict::Die) => Went::Dead,
            // Whatever it stumbled over: nothing is decided, and who goes on runs it again.
            (Err(_), _) if self.flows.is_to_leave() => Went::Left,
            (Err(error), _) | (Ok(()), Verdict::Fail(error)) => {
                Went::Wrong(self.flows.inner.work.explain(&context, error))
            }
            (Ok(()), Verdict::Pass) => Went::Well,
        }
    }

    /// Tells who asks how far the job is. A flow that is only part of one does not know how much of it is done.
    fn tell(&self, context: &CallContext, at: usize, undone: bool) {
        let percent = u8::try_from(at * 100 / self.steps.len()).ok().filter(|_| self.cx.flow == context.trace);
        self.flows.inner.work.step(context.trace, self.steps[at].name(), undone, percent);
    }

    /// Undoes what may have begun, down to the first step, and ends the flow as failed.
    async fn unwind(mut self, error: ErrorCode) -> Option<Outcome> {
        tracing::info!(flow = %self.cx.flow, chain = self.chain, %error, "a step failed; undoing");
        let error = for_good(error);
        let last = self.reached.min(self.steps.len().saturating_sub(1));
        if let Some(step) = self.lost.take() {
            return Some(Err(self.park(last, &step, &error).await));
        }
        for at in (0..=last).rev() {
            if self.flows.is_to_leave() {
                return self.leave().await;
            }
            if let Err(trouble) = self.journal(at, Phase::Undoing, Some(&error)).await {
                // The row stays active: the flow is unwound when the node starts again.
                return Some(Err(trouble));
            }
            match self.undo(at).await {
                Undone::Well => {}
                Undone::Left => return self.leave().await,
                Undone::Dead => return self.die().await,
            }
        }
        let ended = self.end(FlowState::Failed, None, Some(&error)).await;
        Some(Err(ended.err().unwrap_or(error)))
    }

    /// Leaves nothing that a death would not have left.
    async fn die(&self) -> Option<Outcome> {
        self.flows.inner.db.forget_deferred(self.cx.flow).await;
        None
    }

    /// Stops as if this node had died here; who owns the resource goes on. Where this node may still write, it says how far
    /// it came, so that less is done again.
    async fn leave(&self) -> Option<Outcome> {
        tracing::info!(flow = %self.cx.flow, chain = self.chain, "a flow is handed over");
        let flows = &self.flows.inner;
        let said = flows.cluster.has_lease() && flows.db.settle().await.is_ok();
        match said {
            true => self.live.note("HandedOver"),
            false => flows.db.forget_deferred(self.cx.flow).await,
        }
        Some(Err(moved()))
    }

    /// Undoes one step, or leaves a debt.
    async fn undo(&mut self, at: usize) -> Undone {
        let step = self.steps[at].clone();
        let context = CallContext::current();
        self.tell(&context, at, true);
        let entry = self.live.trail().step(step.name(), true);
        let mut pause = UNDO_PAUSE;
        let mut attempt = 1;
        loop {
            let outcome = match self.flows.inner.faults.at(Point::UndoStart { flow: self.cx.flow, step: step.name() }) {
                Verdict::Die => return Undone::Dead,
                Verdict::Fail(error) => Err(error),
                Verdict::Pass => {
                    self.cx.place = format!("{}/undo/{attempt}", step.name());
                    let undo = self.live.trail().scope(step.name(), step.undo(&mut self.cx));
                    context.for_undo(UNDO_DEADLINE).scope(undo).await
                }
            };
            self.live.trail().ended(entry, outcome.as_ref().err());
            match outcome {
                Ok(()) => return Undone::Well,
                Err(_) if self.flows.is_to_leave() => return Undone::Left,
                Err(error) if attempt < UNDO_TRIES && !is_pointless(&error) => {
                    tracing::warn!(flow = %self.cx.flow, step = step.name(), attempt, %error, "an undo failed; trying again");
                    tokio::time::sleep(pause).await;
                    // Tries are not wasted on a database that is away. When it closes, the next start goes on here.
                    if self.flows.inner.db.ready().await.is_err() {
                        return Undone::Dead;
                    }
                    (pause, attempt) = (pause * 2, attempt + 1);
                }
                Err(error) => {
                    self.owe(step.name(), &error).await;
                    return Undone::Well;
                }
            }
        }
    }

    async fn owe(&self, step: &str, error: &ErrorCode) {
        tracing::warn!(flow = %self.cx.flow, step, %error, "an undo keeps failing; it is now a debt");
        let context = match journal::encode(&self.cx.data) {
            Ok(context) => context,
            Err(error) => {
                tracing::error!(flow = %self.cx.flow, step, %error, "a debt cannot be stored");
                return;
            }
        };
        let debt = UndoDebt {
            flow: self.cx.flow,
            name: F::NAME.to_owned(),
            chain: self.chain.to_owned(),
            step: step.to_owned(),
            resource: self.cx.data.resource(),
            context,
        };
        if let Err(trouble) = self.flows.inner.debts.owe(&debt, error).await {
            tracing::error!(flow = %self.cx.flow, step, error = %trouble, "a debt could not be recorded");
        }
    }

    /// Puts the flow aside at the step `at`, which failed with `error`: `step` would have to be undone, too.
    async fn park(self, at: usize, step: &str, error: &ErrorCode) -> ErrorCode {
        let (flow, chain, phase, live) = (self.cx.flow, self.chain, Phase::Undoing, self.live);
        let at = self.steps[at.min(self.steps.len().saturating_sub(1))].name();
        let standing = Standing { flow, chain, phase, step: at, failure: Some(error), live };
        let why = ErrorCode::internal(format!("it has to undo the step '{step}', which the chain lacks"));
        self.flows.park(&standing, why).await
    }

    async fn journal(&self, at: usize, phase: Phase, error: Option<&ErrorCode>) -> Result<(), ErrorCode> {
        let context = journal::encode(&self.cx.data)?;
        let (flows, step) = (&self.flows.inner, self.steps[at].name());
        // An undo is told by itself: none of them is known to find something.
        let until = if phase == Phase::Running { foretold(&self.steps, at) } else { (None, at) };
        let start = Start { phase, step, until, error };
        Ok(journal::step_starts(&flows.db, (self.cx.flow, flows.cluster.node()), start, context).await?)
    }

    async fn end(
        &self,
        state: FlowState,
        context: Option<serde_json::Value>,
        error: Option<&ErrorCode>,
    ) -> Result<(), ErrorCode> {
        let flows = &self.flows.inner;
        let (owned, trail) = ((self.cx.flow, flows.cluster.node()), self.live.row(state.as_str(), error));
        Ok(journal::end(&flows.db, owned, state, context, error, &trail).await?)
    }
}

/// What a flow failed of, for its record and for who started it. That another node goes on is no end: who hears it asks again,
/// and would ask a flow that has failed for ever.
fn for_good(error: ErrorCode) -> ErrorCode {
    match error.is(codes::NODE_UNAVAILABLE) {
        true => {
            ErrorCode::operation("a step was cut off by a change of the management nodes; try again").because(error)
        }
        false => error,
    }
}

impl Flows {
    /// Whether what runs in the current task is to stop where it is.
    pub(super) fn is_to_leave(&self) -> bool {
        Hold::current().is_lost() || self.inner.cluster.is_fenced()
    }
}
