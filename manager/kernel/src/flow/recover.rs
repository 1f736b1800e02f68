//! After a start: what the last life of this node left unfinished.

use std::{collections::HashMap, time::Duration};

use cumulo_schema::{ErrorCode, Timestamp, Uuid, codes};

use super::{FlowReply, FlowRow, FlowState, Flows, Outcome, journal, parked::Standing};
use crate::{
    bus::{CallContext, Caller},
    cluster::Hold,
    gc::UndoDebt,
};

/// What a resumed flow that is no job's has at least, however short its caller's patience was: the caller is gone, and the
/// node was away.
const RESUMED_DEADLINE: Duration = Duration::from_hours(1);
/// How long ended flows stay readable.
const KEEP_ENDED: Duration = Duration::from_hours(24);

impl Flows {
    /// Resumes every unfinished flow of this node, each on its own: one that cannot go on blocks no other. Returns when
    /// all are under way. `times` says how long jobs may still take.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) async fn recover(&self, times: &HashMap<Uuid, Duration>) -> Result<(), ErrorCode> {
        let rows = journal::active(&self.inner.db, self.inner.cluster.node()).await?;
        if !rows.is_empty() {
            tracing::info!(flows = rows.len(), "resuming what was left unfinished");
        }
        for row in rows {
            let time = time_of(&row, times);
            self.resume(row, time, Hold::free()).await;
        }
        Ok(())
    }

    pub(super) async fn resume(&self, row: FlowRow, time: Duration, hold: Hold) {
        let Some(definition) = self.definitions().ok().and_then(|all| all.flows.get(row.flow.as_str()).cloned()) else {
            let why = ErrorCode::internal("this build does not know it");
            self.park(&Standing::of(self, &row), why).await;
            return;
        };
        let (flows, lane, id) = (self.clone(), super::lane(row.resource_uuid), row.uuid);
        let context = CallContext::starting(trace_of(&row), Caller::SYSTEM, time);
        let work = async move {
            let queues = flows.inner.queues.clone();
            queues.run(&lane, 1, definition.resume(flows, row)).await
        };
        // `spawn` registers the flow before it first awaits, so a job that asks for it afterwards joins it.
        let mut outcome = Box::pin({
            let flows = self.clone();
            async move { flows.spawn(id, Box::pin(context.scope(hold.scope(work)))).await }
        });
        if futures::FutureExt::now_or_never(&mut outcome).is_none() {
            tokio::spawn(outcome);
        }
    }

    /// How the flow that is the outcome of job `job` ended; waits for it where it still runs, here or elsewhere. `None` when
    /// the job never started one.
    pub(crate) async fn outcome_of_job(&self, job: Uuid) -> Result<Option<Result<FlowReply, ErrorCode>>, ErrorCode> {
        let outcome = match self.join(job).await {
            Some(Err(error)) if error.is(codes::NODE_UNAVAILABLE) && self.inner.cluster.is_shared() => None,
            joined => joined,
        };
        let outcome = match (outcome, self.inner.cluster.is_shared()) {
            (Some(outcome), _) => outcome,
            (None, true) => match self.outcome_anywhere(job).await? {
                None => return Ok(None),
                Some(outcome) => outcome,
            },
            (None, false) => match journal::find(&self.inner.db, job).await? {
                None => return Ok(None),
                Some(row) => recorded(row),
            },
        };
        let Some(row) = journal::find(&self.inner.db, job).await? else { return Ok(None) };
        let reply = outcome.and_then(|context| {
            let unknown = || ErrorCode::internal(format!("nobody knows the flow {} any more", row.flow));
            self.definitions()?.flows.get(row.flow.as_str()).ok_or_else(unknown)?.reply(&context)
        });
        Ok(Some(reply))
    }

    /// Tries the undo that `debt` stands for once more.
    pub(crate) async fn repay(&self, debt: UndoDebt, attempt: u64) -> Result<(), ErrorCode> {
        let unknown = || ErrorCode::internal(format!("nobody knows the flow {} any more", debt.name));
        let definition = self.definitions()?.flows.get(debt.name.as_str()).cloned().ok_or_else(unknown)?;
        let (flows, lane) = (self.clone(), super::lane(debt.resource));
        self.inner.queues.run(&lane, 1, definition.undo_once(flows, debt, attempt)).await
    }

    /// Forgets flows that ended a day ago.
    pub(crate) async fn forget_old(&self) -> Result<(), ErrorCode> {
        let before = Timestamp(Timestamp::now().0 - i64::try_from(KEEP_ENDED.as_millis()).unwrap_or(i64::MAX));
        Ok(journal::forget(&self.inner.db, before).await?)
    }
}

/// How long a resumed flow may take: as long as its job, or as who started it would have waited.
pub(super) fn time_of(row: &FlowRow, times: &HashMap<Uuid, Duration>) -> Duration {
    if let Some(time) = row.job_uuid.and_then(|job| times.get(&job)) {
        return *time;
    }
    let left = row.deadline.map_or(0, |deadline| deadline.0.saturating_sub(Timestamp::now().0));
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(RESUMED_DEADLINE)
}

/// The call that a resumed flow is part of: its progress is told there, and it is stopped by it.
fn trace_of(row: &FlowRow) -> Uuid {
    row.trace_uuid.or(row.job_uuid).unwrap_or(row.uuid)
}

pub(super) fn recorded(row: FlowRow) -> Outcome {
    match row.state {
        FlowState::Done => Ok(row.context.0),
        FlowState::Failed | FlowState::Parked => {
            let unknown = || ErrorCode::internal(format!("flow {} failed without a reason", row.uuid));
            Err(row.error.map_or_else(unknown, |error| error.0))
        }
        FlowState::Active => {
            Err(ErrorCode::internal(format!("flow {} is unfinished and nobody works on it", row.uuid)))
        }
    }
}
