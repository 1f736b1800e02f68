//! Flows that nobody knows how to go on with: put aside, in the way of changes to their resource, and what they leave.
//!
//! Nothing is started on a resource while a flow on it is parked. What is half done there would be changed by who does not
//! know of it, and the flow, decided later, would finish or undo something that is not there any more: put a VM on its host
//! again that was expunged meanwhile. The refusal says how it is decided.

use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use super::{FlowRow, Flows, Phase, journal};
use crate::timeline::Live;

/// Where a flow stands that cannot go on.
pub(super) struct Standing<'f> {
    pub(super) flow: Uuid,
    pub(super) chain: &'f str,
    pub(super) phase: Phase,
    pub(super) step: &'f str,
    /// Why it is being undone.
    pub(super) failure: Option<&'f ErrorCode>,
    /// What it did in this life.
    pub(super) live: Live,
}

impl<'f> Standing<'f> {
    pub(super) fn of(flows: &Flows, row: &'f FlowRow) -> Self {
        let failure = row.error.as_ref().map(|error| &error.0);
        let live = flows.inner.timeline.follow(row.uuid, &row.chain, row.resource_uuid, Some(&row.step));
        Self { flow: row.uuid, chain: &row.chain, phase: row.phase, step: &row.step, failure, live }
    }
}

/// What a flow did and has not undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    /// Steps, the one in doubt and those gone past included; oldest first.
    steps: Vec<String>,
    /// Whether that is all of them: flows of before steps were recorded tell only where they stand.
    is_all: bool,
    resource: Uuid,
    /// Where the flow's context says that something is.
    hosts: Vec<Uuid>,
}

impl Left {
    pub(super) fn of(row: &FlowRow) -> Self {
        let before = done_before(row);
        let mut steps = row.skipped.clone().unwrap_or_default().0;
        steps.extend_from_slice(before.unwrap_or_default());
        steps.push(row.step.clone());
        steps.extend_from_slice(in_doubt(row));
        let mut hosts = Vec::new();
        collect_hosts(&row.context.0, &mut hosts);
        Self { steps, is_all: before.is_some(), resource: row.resource_uuid, hosts }
    }

    /// For people.
    fn text(&self) -> String {
        let before = if self.is_all { "" } else { "what came before it is not recorded; " };
        let mut text = format!("{before}done or in doubt, and not undone: {}", self.steps.join(", "));
        text.push_str(&format!(", of resource {}", self.resource));
        if !self.hosts.is_empty() {
            let hosts: Vec<String> = self.hosts.iter().map(Uuid::to_string).collect();
            text.push_str(&format!(", on host {}", hosts.join(", ")));
        }
        text
    }

    /// For programs.
    fn facts(&self) -> Value {
        let of = |step: &String| json!({ "step": step, "resourceUuid": self.resource, "hostUuids": self.hosts });
        self.steps.iter().map(of).collect()
    }
}

/// Hosts that a context names. Of what else it holds nothing is shown: there may be secrets.
fn collect_hosts(context: &Value, hosts: &mut Vec<Uuid>) {
    match context {
        Value::Object(members) => {
            for (name, member) in members {
                let names_one = ["host", "hostUuid", "host_uuid"].contains(&name.as_str());
                match member.as_str().filter(|_| names_one).and_then(|text| text.parse().ok()) {
                    Some(host) if hosts.contains(&host) => {}
                    Some(host) => hosts.push(host),
                    None => collect_hosts(member, hosts),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_hosts(item, hosts)),
        _ => {}
    }
}

/// The steps of the chain as it was when the flow started; none where that was not recorded.
pub(super) fn recorded(row: &FlowRow) -> &[String] {
    row.steps.as_ref().map_or(&[], |steps| &steps.0)
}

/// The recorded steps before the one where the flow stands, where that is one of them.
pub(super) fn done_before(row: &FlowRow) -> Option<&[String]> {
    let recorded = recorded(row);
    recorded.iter().position(|step| *step == row.step).map(|at| &recorded[..at])
}

/// The recorded steps after the one where the flow stands that may have begun all the same.
pub(super) fn in_doubt(row: &FlowRow) -> &[String] {
    let place = |step: &String| recorded(row).iter().position(|known| known == step);
    match (place(&row.step), row.foretold.as_ref().and_then(place)) {
        (Some(at), Some(last)) if last > at => &recorded(row)[at + 1..=last],
        _ => &[],
    }
}

/// The latest step that the flow may have done, that `chain`, its chain of now, lacks, and that nobody went past.
pub(super) fn lost_step(row: &FlowRow, chain: &[&str]) -> Option<String> {
    let skipped = row.skipped.as_ref().map_or(&[][..], |skipped| &skipped.0);
    let mut latest_first = in_doubt(row).iter().rev().chain(done_before(row)?.iter().rev());
    latest_first.find(|step| !chain.contains(&step.as_str()) && !skipped.contains(step)).cloned()
}

/// Why an abandoned flow ended.
pub(super) fn abandoned(row: &FlowRow) -> ErrorCode {
    let left = Left::of(row);
    let text = format!(
        "flow {} of chain {} was abandoned at the step '{}'; {}; clean up there by hand",
        row.uuid,
        row.chain,
        row.step,
        left.text()
    );
    let error = ErrorCode::operation(text).with("left", left.facts());
    match &row.error {
        Some(why) => error.because(why.0.clone()),
        None => error,
    }
}

/// What failed before the flow `row` was parked, where it was being undone.
pub(super) fn failure_of(row: &FlowRow) -> Option<ErrorCode> {
    let undoing = row.phase == Phase::Undoing;
    row.error.as_ref().filter(|_| undoing).and_then(|parked| parked.0.cause.as_deref().cloned())
}

impl Flows {
    /// Puts a flow aside that nobody knows how to go on with, and says so; or why it could not be.
    pub(super) async fn park(&self, standing: &Standing<'_>, why: ErrorCode) -> ErrorCode {
        let &Standing { flow, chain, phase, step, failure, ref live } = standing;
        tracing::error!(%flow, chain, step, %why, "a flow cannot go on and is parked");
        let text = format!(
            "flow {flow} of chain {chain} is parked: {}; RetryFlow, SkipFlowStep or AbandonFlow decides what becomes of it",
            why.details
        );
        let mut parked = ErrorCode::internal(text).with("parkedFlow", flow.to_string());
        // What failed is needed again when its undoing goes on.
        parked.cause = match (phase, failure) {
            (Phase::Undoing, Some(failure)) => Some(Box::new(failure.clone())),
            _ => why.cause,
        };
        let (owned, trail) = ((flow, self.inner.cluster.node()), live.row("Parked", Some(&parked)));
        match journal::park(&self.inner.db, owned, phase, step, &parked, &trail).await {
            Ok(()) => parked,
            Err(error) => {
                tracing::warn!(%flow, %error, "a flow could not be parked");
                error.into()
            }
        }
    }

    /// Refuses where a parked flow is in the way of changes to `resource`.
    pub(super) async fn unless_parked(&self, resource: Uuid) -> Result<(), ErrorCode> {
        let Some(flow) = journal::parked_on(&self.inner.db, resource).await? else { return Ok(()) };
        let text = format!(
            "{resource} was left half done by flow {} of chain {}, which is parked; an administrator has to decide what \
             becomes of that first, with RetryFlow, SkipFlowStep or AbandonFlow",
            flow.uuid, flow.chain
        );
        Err(ErrorCode::operation(text).with("parkedFlow", flow.uuid.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_a_context_and_nothing_else() {
        let (one, other) = (Uuid::ADMIN.derive("one"), Uuid::ADMIN.derive("other"));
        let context = json!({
            "vm": Uuid::ADMIN, "password": "host", "host": one, "on": { "host_uuid": other, "host": one },
            "places": [{ "hostUuid": other }, { "host": { "host": null } }, { "host": "sealed:xyz" }],
        });
        let mut hosts = Vec::new();
        collect_hosts(&context, &mut hosts);
        hosts.sort();
        let mut expected = vec![one, other];
        expected.sort();
        assert_eq!(hosts, expected);
    }
}
