//! What agents are told and what changes its state: noted with the flow that it is part of, or by itself in the background.

use cumulo_schema::{ErrorCode, StateChange, Timestamp, Uuid};

use super::{
    LOOSE, Timeline, Trail,
    rows::{Detail, EntryKind, TimelineRow, TrailEntry, TrailKind},
    trail::{StepEntry, entry},
};
use crate::{
    bus::CallContext,
    db::{DbError, Deferred},
};

/// A command that an agent was told; to be ended.
#[derive(Debug)]
#[must_use = "a command ends"]
pub struct Noted {
    timeline: Timeline,
    name: &'static str,
    agent: Uuid,
    task: Uuid,
    start: Timestamp,
    trail: Option<(Trail, StepEntry)>,
}

impl Timeline {
    /// Notes that `agent` is told to do `name` as the task `task`.
    pub fn command(&self, name: &'static str, agent: Uuid, task: Uuid) -> Noted {
        let trail = Trail::current().map(|(trail, step)| {
            let command = entry(TrailKind::Command, name, Some(step));
            let entry = trail.add(TrailEntry { agent: Some(agent), task: Some(task), ..command });
            (trail, entry)
        });
        Noted { timeline: self.clone(), name, agent, task, start: Timestamp::now(), trail }
    }

    /// Notes that a resource changed its state.
    pub(crate) fn changed(&self, change: StateChange) {
        let StateChange { resource, old, new } = change;
        if old == new {
            return;
        }
        let current = Trail::current();
        if let Some((trail, step)) = current.clone().filter(|(trail, _)| trail.resource() == resource) {
            let change = entry(TrailKind::State, &new, Some(step));
            trail.add(TrailEntry { took: Some(0), states: Some((old, new)), ..change });
            return;
        }
        let (flow, step) = current.map(|(trail, step)| (trail.flow(), step)).unzip();
        self.add(TimelineRow {
            detail: Detail {
                flow,
                step: step.map(str::to_owned),
                states: Some((old, new.clone())),
                ..Detail::default()
            }
            .into(),
            ..TimelineRow::now(self.node, resource, EntryKind::State, &new, None)
        });
    }

    pub(super) fn add(&self, row: TimelineRow) {
        let mut loose = self.shared.loose.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if loose.len() < LOOSE {
            loose.push(row);
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the database fails; then it is lost.
    pub(crate) async fn flush(&self) -> Result<(), DbError> {
        let rows = std::mem::take(&mut *self.shared.loose.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        if rows.is_empty() {
            return Ok(());
        }
        let mut batch = self.db.batch();
        for row in &rows {
            batch.insert(row);
        }
        // Nobody waits for it to be on the disk.
        Deferred::default().scope(async { self.db.commit(batch).await.map(drop) }).await
    }
}

impl Noted {
    /// It has ended, with `error` where it failed.
    pub fn ended(self, error: Option<&ErrorCode>) {
        if let Some((trail, entry)) = self.trail {
            return trail.ended(entry, error);
        }
        // Agents are asked for signs of life all the time; what that shows is a change of state.
        if !self.timeline.work.is_under_way(CallContext::current().trace) {
            return;
        }
        self.timeline.add(TimelineRow {
            detail: Detail { task: Some(self.task), ..Detail::of_error(error) }.into(),
            start_date: self.start,
            ..TimelineRow::now(self.timeline.node, self.agent, EntryKind::Command, self.name, error)
        });
    }
}
