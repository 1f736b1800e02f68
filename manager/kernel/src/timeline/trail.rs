//! What a flow did, kept while it runs; travels with the work of its steps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cumulo_schema::{ErrorCode, Timestamp, Uuid};

use super::rows::{Detail, EntryKind, TimelineRow, TrailEntry, TrailKind, in_short};

/// Entries kept of one flow.
const MOST: usize = 256;

tokio::task_local! {
    static STEP: Option<(Trail, &'static str)>;
}

/// A flow's trail; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Trail(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    flow: Uuid,
    chain: String,
    resource: Uuid,
    trace: Uuid,
    from: Option<String>,
    start: Timestamp,
    entries: Mutex<(Vec<TrailEntry>, u64)>,
}

/// An entry under way; `None` where there is no room for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepEntry(Option<usize>);

impl Trail {
    pub(super) fn new(flow: Uuid, chain: &str, resource: Uuid, trace: Uuid, from: Option<&str>) -> Self {
        Self(Arc::new(Kept {
            flow,
            chain: chain.to_owned(),
            resource,
            trace,
            from: from.map(str::to_owned),
            start: Timestamp::now(),
            entries: Mutex::default(),
        }))
    }

    pub(super) fn flow(&self) -> Uuid {
        self.0.flow
    }

    pub(super) fn resource(&self) -> Uuid {
        self.0.resource
    }

    /// That of the current task, and its step.
    pub(super) fn current() -> Option<(Self, &'static str)> {
        STEP.try_with(Clone::clone).ok().flatten()
    }

    /// Runs `work` as part of `step`.
    pub(crate) fn scope<F: Future>(&self, step: &'static str, work: F) -> impl Future<Output = F::Output> {
        STEP.scope(Some((self.clone(), step)), work)
    }

    /// Runs `work` as part of what the current task is part of, also where it becomes another task.
    pub(crate) fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
        STEP.scope(Self::current(), work)
    }

    /// Notes that the step `name` starts, or its undo.
    pub(crate) fn step(&self, name: &str, undo: bool) -> StepEntry {
        let kind = if undo { TrailKind::Undo } else { TrailKind::Step };
        self.add(entry(kind, name, None))
    }

    pub(super) fn add(&self, entry: TrailEntry) -> StepEntry {
        let mut kept = self.lock();
        if kept.0.len() == MOST {
            kept.1 += 1;
            return StepEntry(None);
        }
        kept.0.push(entry);
        StepEntry(Some(kept.0.len() - 1))
    }

    /// Notes that what `entry` is about has ended.
    pub(crate) fn ended(&self, entry: StepEntry, error: Option<&ErrorCode>) {
        let mut kept = self.lock();
        if let Some(entry) = entry.0.and_then(|at| kept.0.get_mut(at)) {
            entry.took = Some(Timestamp::now().0 - entry.at);
            entry.error = error.map(in_short);
        }
    }

    /// The row of what happened until now.
    pub(super) fn row(&self, node: Uuid, result: &str, error: Option<&ErrorCode>) -> TimelineRow {
        let kept = &self.0;
        let (entries, dropped) = self.lock().clone();
        let (flow, step) = (Some(kept.flow), kept.from.clone());
        TimelineRow {
            trace: kept.trace,
            result: result.to_owned(),
            detail: Detail { flow, step, entries, dropped, ..Detail::of_error(error) }.into(),
            start_date: kept.start,
            ..TimelineRow::now(node, kept.resource, EntryKind::Flow, &kept.chain, error)
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<TrailEntry>, u64)> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry that begins now.
pub(super) fn entry(kind: TrailKind, name: &str, step: Option<&str>) -> TrailEntry {
    let (took, agent, task, states, error) = (None, None, None, None, None);
    TrailEntry {
        kind,
        name: name.to_owned(),
        step: step.map(str::to_owned),
        at: Timestamp::now().0,
        took,
        agent,
        task,
        states,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_bounded() {
        let trail = Trail::new(Uuid::ADMIN, "chain", Uuid::ADMIN, Uuid::ADMIN, None);
        for _ in 0..MOST + 7 {
            let entry = trail.step("again", false);
            trail.ended(entry, Some(&ErrorCode::operation("x".repeat(10_000))));
        }
        let detail = trail.row(Uuid::ADMIN, "Failed", None).detail.0;
        assert_eq!((detail.entries.len(), detail.dropped), (MOST, 7));
        assert!(detail.entries[0].error.as_ref().is_some_and(|text| text.len() <= 1000));
    }
}
