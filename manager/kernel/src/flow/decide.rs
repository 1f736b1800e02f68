//! Deciding what becomes of a parked flow: tried again, gone past the step that nobody knows, or abandoned.
//!
//! A decision is one batch, so that a crash leaves the flow parked or decided: where it goes on from, that it is being worked
//! on again by the node that owns its resource, and that its job is under way again. From there everything is as after a
//! restart: the flow is resumed from the journal, and the job answered by it. The call that decided is recorded with the
//! flow, so that the same call handled once more decides nothing a second time.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Json, Uuid, codes, message};
use serde::{Deserialize, Serialize};

use super::{
    FlowRow, FlowState, Flows, Phase,
    drive::NamedStep,
    journal,
    parked::{abandoned, done_before, failure_of, in_doubt, lost_step, recorded},
    recover::time_of,
};
use crate::{Kernel, bus::Handle, cluster::Hold, db::Deferred, plan::Planning};

/// How long a call whose flow was parked just now is given to say so.
const TOLD: Duration = Duration::from_secs(2);

/// What becomes of a parked flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// It is tried again where it stands: this build knows the step by now.
    Retry,
    /// The step that nobody knows is left as it is; the flow goes on, or back, past it.
    Skip,
    /// It has failed; what it did stays.
    Abandon,
}

/// Decide what becomes of a parked flow, and wait for its end. The same decision of the same call is taken once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DecideFlow {
    flow: Uuid,
    resource: Uuid,
    decision: Decision,
    /// The call that decides.
    by: Uuid,
}
message!(DecideFlow => (), service = "flow", key = resource);

impl Kernel {
    /// Decides what becomes of the parked flow `flow`, for the call `by`, and waits until it has ended or is parked again.
    ///
    /// # Errors
    /// SYS.1006 when it is not parked, or cannot go on that way either.
    pub async fn decide_flow(&self, flow: Uuid, decision: Decision, by: Uuid) -> Result<(), ErrorCode> {
        let row = journal::find(self.db(), flow).await?.ok_or_else(|| ErrorCode::not_found("Flow", flow))?;
        self.bus().call(DecideFlow { flow, resource: row.resource_uuid, decision, by }).await
    }

    async fn decide(&self, wanted: &DecideFlow) -> Result<(), ErrorCode> {
        let flows = self.flows();
        let row = journal::find(self.db(), wanted.flow).await?;
        let row = row.ok_or_else(|| ErrorCode::not_found("Flow", wanted.flow))?;
        if row.state != FlowState::Parked {
            return match row.decided_by == Some(wanted.by) {
                true => flows.settled(row.uuid).await,
                false => Err(not_parked(&row)),
            };
        }
        let next = flows.next(&row, wanted.decision)?;
        if let Some(job) = row.job_uuid.filter(|_| Planning::current().is_none()) {
            self.jobs().until_answered(job, TOLD).await?;
        }
        let (alone, me) = (|| self.db().batch(), self.node());
        let mut batch = self.cluster().as_of_now(alone()).map_or_else(alone, |(_, held_to_the_ring)| held_to_the_ring);
        journal::decided(&mut batch, &next, me, wanted.by, not_parked(&row));
        if let Some(job) = row.job_uuid {
            self.jobs().reopen(&mut batch, job);
        }
        if next.state != FlowState::Active {
            let live = self.timeline().follow(row.uuid, &row.chain, row.resource_uuid, Some(&row.step));
            batch.insert(&live.row(next.state.as_str(), next.error.as_ref().map(|error| &error.0)));
        }
        self.db().commit_surely(batch).await?;
        tracing::info!(flow = %row.uuid, chain = row.chain, decision = ?wanted.decision, step = next.step, "a parked flow is decided");
        if next.state == FlowState::Active {
            // The journal is this flow's own and waits for nobody's last commit, not the deciding call's either.
            let alone = Deferred::default();
            alone.last_commit_follows();
            let row = FlowRow { node_uuid: me, ..next };
            let time = time_of(&row, &HashMap::new());
            alone.scope(flows.resume(row, time, Hold::current())).await;
        }
        if let Some(job) = row.job_uuid {
            self.jobs().go_on(self, job).await?;
        }
        flows.settled(row.uuid).await
    }
}

#[async_trait]
impl Handle<DecideFlow> for Kernel {
    async fn handle(&self, message: DecideFlow) -> Result<(), ErrorCode> {
        self.decide(&message).await
    }
}

impl Flows {
    /// The journal of the parked flow `row` as `decision` makes it. Notes in a plan what follows.
    fn next(&self, row: &FlowRow, decision: Decision) -> Result<FlowRow, ErrorCode> {
        if decision == Decision::Abandon {
            if let Some(planning) = Planning::current() {
                planning.step("abandon", "ends the flow as failed; what it did stays", None);
            }
            let error = Some(Json(abandoned(row)));
            return Ok(FlowRow { state: FlowState::Failed, error, ..row.clone() });
        }
        let error = failure_of(row);
        let unknown = || ErrorCode::internal("this build does not know it");
        let definition = self.definitions()?.flows.get(row.flow.as_str()).ok_or_else(unknown);
        let chain = definition.and_then(|definition| definition.chain_of(self, row)).map_err(|why| still(row, why))?;
        let names: Vec<&str> = chain.iter().map(|step| step.name).collect();
        let known = names.iter().position(|step| *step == row.step);
        let lost = lost_step(row, &names).filter(|_| row.phase == Phase::Undoing);
        let mut done = done_before(row).unwrap_or_default().to_vec();
        let mut skipped = row.skipped.clone().unwrap_or_default().0;
        let at = match (decision, known, lost) {
            (Decision::Retry, Some(at), None) => Some(at),
            (Decision::Retry, Some(_), Some(lost)) => return Err(still(row, lacks(&lost))),
            (Decision::Retry, None, _) => return Err(still(row, lacks(&row.step))),
            (_, Some(_), None) => {
                let text = format!("flow {} can be tried again: its steps are known; use RetryFlow", row.uuid);
                return Err(ErrorCode::operation(text));
            }
            (_, known, _) => {
                if row.phase == Phase::Undoing {
                    let is_lost = |step: &mut String| !names.contains(&step.as_str());
                    skipped.extend(done.extract_if(.., is_lost));
                    skipped.extend(in_doubt(row).to_vec().extract_if(.., is_lost));
                }
                match known {
                    Some(at) => Some(at),
                    None => {
                        skipped.push(row.step.clone());
                        let past = past(recorded(row), &names, &row.step, row.phase);
                        past.ok_or_else(|| {
                            let why = "it is not recorded what came before its step; only AbandonFlow is left";
                            still(row, ErrorCode::internal(why))
                        })?
                    }
                }
            }
        };
        note(&chain, at, row.phase);
        let skipped = Some(Json(skipped)).filter(|skipped| !skipped.0.is_empty());
        let mut next = FlowRow { error: error.map(Json), skipped, ..row.clone() };
        match (at, row.phase) {
            (Some(at), phase) => {
                next.state = FlowState::Active;
                chain[at].name.clone_into(&mut next.step);
                next.steps = Some(Json(followed(done, &chain, at, phase)));
            }
            (None, Phase::Running) => next.state = FlowState::Done,
            (None, Phase::Undoing) => {
                next.state = FlowState::Failed;
                next.error.get_or_insert_with(|| Json(ErrorCode::internal("interrupted")));
            }
        }
        Ok(next)
    }

    /// Waits until the flow `id` is not worked on any more.
    async fn settled(&self, id: Uuid) -> Result<(), ErrorCode> {
        match self.join(id).await {
            Some(Err(error)) if error.is(codes::NODE_UNAVAILABLE) => return Err(error),
            Some(_) => return Ok(()),
            None => {}
        }
        if self.inner.cluster.is_shared() {
            self.outcome_anywhere(id).await?;
        }
        Ok(())
    }
}

/// Where a flow goes on past `step`, which its chain lacks: an index into `chain`, or `None` where nothing is left to do.
/// Nothing at all where `recorded`, the chain as it was, does not tell.
///
/// The step's place in the chain of now is the gap between what is left of the steps around it. Forward, all of the gap is
/// run; back, all of it is undone: a step may have got another name, and undoing what was never done does nothing.
fn past(recorded: &[String], chain: &[&str], step: &str, phase: Phase) -> Option<Option<usize>> {
    let at = recorded.iter().position(|name| name == step)?;
    let place = |name: &String| chain.iter().position(|known| known == name);
    let first = recorded[..at].iter().rev().find_map(place).map_or(0, |before| before + 1);
    let after = recorded[at + 1..].iter().find_map(place).filter(|after| *after >= first);
    Some(match phase {
        Phase::Running => Some(first).filter(|first| *first < chain.len()),
        Phase::Undoing => after.unwrap_or(chain.len()).checked_sub(1),
    })
}

/// The steps that a flow goes by from now on: what is done of the old chain, then the chain of now from `at` on. Back, it is
/// the chain of now by itself.
fn followed(done: Vec<String>, chain: &[NamedStep], at: usize, phase: Phase) -> Vec<String> {
    let names = |steps: &[NamedStep]| steps.iter().map(|step| step.name.to_owned()).collect::<Vec<_>>();
    match phase {
        Phase::Running => {
            let ahead = names(&chain[at..]);
            done.into_iter().filter(|step| !ahead.contains(step)).chain(ahead.clone()).collect()
        }
        Phase::Undoing => names(chain),
    }
}

/// Notes in a plan what the flow does from `at` on.
fn note(chain: &[NamedStep], at: Option<usize>, phase: Phase) {
    let (Some(planning), Some(at)) = (Planning::current(), at) else { return };
    match phase {
        Phase::Running => chain[at..].iter().for_each(|step| planning.step(step.name, step.describe, None)),
        Phase::Undoing => {
            chain[..=at]
                .iter()
                .rev()
                .for_each(|step| planning.step(format!("undo {}", step.name), step.describe, None));
        }
    }
}

fn lacks(step: &str) -> ErrorCode {
    ErrorCode::internal(format!("its chain still lacks the step '{step}'; SkipFlowStep goes past it"))
}

fn not_parked(row: &FlowRow) -> ErrorCode {
    let text = format!("flow {} of chain {} is {}; only a parked one can be decided", row.uuid, row.chain, row.state);
    ErrorCode::operation(text)
}

fn still(row: &FlowRow, why: ErrorCode) -> ErrorCode {
    let text = format!("flow {} of chain {} stays parked: {}", row.uuid, row.chain, why.details);
    let error = ErrorCode::operation(text);
    match why.cause {
        Some(cause) => error.because(*cause),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past_x(recorded: &str, chain: &str, phase: Phase) -> Option<Option<usize>> {
        let recorded: Vec<String> = recorded.split(' ').map(str::to_owned).collect();
        let chain: Vec<&str> = chain.split_whitespace().collect();
        past(&recorded, &chain, "x", phase)
    }

    #[test]
    fn a_step_is_gone_past_in_the_gap_that_it_left() {
        for (recorded, chain, forward, back) in [
            ("a x b", "a b", Some(1), Some(0)),
            // Renamed: run, and undone.
            ("a x b", "a y b", Some(1), Some(1)),
            ("x b", "b", Some(0), None),
            ("a x", "a", None, Some(0)),
            ("a x", "a y z", Some(1), Some(2)),
            ("x", "", None, None),
            // The neighbours are gone, too, or have changed places.
            ("a b x c d", "a d", Some(1), Some(0)),
            ("a x b", "b a", None, Some(1)),
        ] {
            assert_eq!(past_x(recorded, chain, Phase::Running), Some(forward), "forward: {recorded}, {chain}");
            assert_eq!(past_x(recorded, chain, Phase::Undoing), Some(back), "back: {recorded}, {chain}");
        }
        assert_eq!(past_x("a b", "a b", Phase::Running), None, "it is not recorded where it was");
    }
}
