//! Timelines: what happened to a resource, in order, with causes: calls, the flows that they ran, the steps of these, what
//! agents were told, changes of state.
//!
//! **No commit of its own.** A VM is made in milliseconds and a dozen commits; a write for each step would cost more than the
//! step. So a flow keeps its [`Trail`] in memory and writes it as one row with its end, in the commit that is made anyway;
//! a job writes the row of its call with its own. What belongs to neither (a host that is found away, a command that another
//! node gave on behalf of a flow) waits in memory and is written in the background, once a second at most. A crash loses
//! what was in memory: of a flow that goes on afterwards, the part from there on is told, and where it began.
//!
//! Rows are found by resource, and commands of other nodes by the trace that travels with every call. They go after some
//! days, and the oldest when there are too many ([`forget`]).

mod about;
mod forget;
mod loose;
mod read;
mod rows;
mod trail;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cumulo_schema::{ErrorCode, Timestamp, Uuid};

pub(crate) use about::about;
pub(crate) use forget::CONFIGS;
pub use loose::Noted;
pub(crate) use read::TellTrails;
use rows::EntryKind;
pub(crate) use rows::TimelineRow;
pub(crate) use trail::Trail;

use crate::{bus::CallContext, db::Db, work::Work};

/// Rows that wait to be written in the background; more are dropped.
const LOOSE: usize = 10_000;

/// The timelines of what happens on this node; clones share them.
#[derive(Debug, Clone)]
pub struct Timeline {
    db: Db,
    node: Uuid,
    work: Work,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Trails of the flows that run here.
    live: Mutex<HashMap<Uuid, Trail>>,
    loose: Mutex<Vec<TimelineRow>>,
}

/// Keeps a flow's trail among those under way.
#[derive(Debug)]
pub(crate) struct Live {
    timeline: Timeline,
    trail: Trail,
}

impl Timeline {
    pub(crate) fn new(db: Db, node: Uuid, work: Work) -> Self {
        Self { db, node, work, shared: Arc::default() }
    }

    /// A trail of the flow `flow`, which begins, or goes on at the step `from`.
    pub(crate) fn follow(&self, flow: Uuid, chain: &str, resource: Uuid, from: Option<&str>) -> Live {
        let trail = Trail::new(flow, chain, resource, CallContext::current().trace, from);
        self.live().insert(flow, trail.clone());
        Live { timeline: self.clone(), trail }
    }

    /// The row of the call `name`, which began at `start` and ends now, for one of the resources that it is about.
    pub(crate) fn call(
        &self,
        (job, name, account): (Uuid, &str, Uuid),
        resource: Uuid,
        start: Timestamp,
        error: Option<&ErrorCode>,
    ) -> TimelineRow {
        TimelineRow {
            uuid: job.derive(&format!("timeline/{resource}")),
            trace: job,
            account_uuid: Some(account),
            start_date: start,
            ..TimelineRow::now(self.node, resource, EntryKind::Api, name, error)
        }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<Uuid, Trail>> {
        self.shared.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The row of what the flow did until now, and how that ended.
    pub(crate) fn row(&self, result: &str, error: Option<&ErrorCode>) -> TimelineRow {
        self.trail.row(self.timeline.node, result, error)
    }

    /// As [`Live::row`], written in the background.
    pub(crate) fn note(&self, result: &str) {
        self.timeline.add(self.row(result, None));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.timeline.live().remove(&self.trail.flow());
    }
}
