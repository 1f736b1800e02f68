//! The journal: one row a flow, rewritten at each boundary between steps.
//!
//! A flow goes nowhere without its journal: while the database server is away, the commits that carry it wait until it is
//! back. Failing would leave the row saying one thing and the caller being told another.

use cumulo_schema::{ErrorCode, Json, Timestamp, Uuid};

use super::Flow;
use crate::{
    bus::CallContext,
    db::{Batch, Db, DbError},
    timeline::TimelineRow,
};

pub use cumulo_schema::system::{Flow as FlowRow, FlowPhase as Phase, FlowState};

/// A row about to be written.
pub(super) struct Entry(pub(super) FlowRow);

impl Entry {
    pub(super) fn fresh<F: Flow>(
        id: Uuid,
        chain: &str,
        job: Option<Uuid>,
        node: Uuid,
        context: &F,
    ) -> Result<Self, ErrorCode> {
        let (now, call) = (Timestamp::now(), CallContext::current());
        Ok(Self(FlowRow {
            uuid: id,
            flow: F::NAME.to_owned(),
            chain: chain.to_owned(),
            version: i32::try_from(F::VERSION).unwrap_or(i32::MAX),
            resource_uuid: context.resource(),
            job_uuid: job,
            node_uuid: node,
            state: FlowState::Active,
            phase: Phase::Running,
            step: String::new(),
            foretold: None,
            context: Json(encode(context)?),
            error: None,
            steps: None,
            skipped: None,
            decided_by: None,
            trace_uuid: Some(call.trace),
            deadline: Some(now.plus(call.remaining())),
            create_date: now,
            last_op_date: now,
        }))
    }
}

pub(super) fn encode<F: Flow>(context: &F) -> Result<serde_json::Value, ErrorCode> {
    serde_json::to_value(context)
        .map_err(|cause| ErrorCode::internal(format!("the context of {} cannot be stored", F::NAME)).because_of(&cause))
}

/// Writes a new flow, together with the first thing it changes.
pub(super) async fn insert(db: &Db, row: &FlowRow, until: usize) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.insert(row);
    db.defer_insert(row.uuid, until, batch).await
}

/// The start of a step, as it is written.
pub(super) struct Start<'s> {
    pub(super) phase: Phase,
    pub(super) step: &'s str,
    /// The last step whose start is written with it, and its place in the chain.
    pub(super) until: (Option<&'s str>, usize),
    pub(super) error: Option<&'s ErrorCode>,
}

/// Writes that a step starts, together with the first thing it changes: all of it only if the flow is still this node's. So
/// it is with its end.
pub(super) async fn step_starts(
    db: &Db,
    (flow, node): (Uuid, Uuid),
    start: Start<'_>,
    context: serde_json::Value,
) -> Result<(), DbError> {
    let Start { phase, step, until: (foretold, until), error } = start;
    let mut batch = db.batch();
    batch
        .update::<FlowRow>()
        .set(FlowRow::PHASE, &phase)
        .set(FlowRow::STEP, &step.to_owned())
        .set(FlowRow::FORETOLD, &foretold.map(str::to_owned))
        .set(FlowRow::CONTEXT, &Json(context))
        .set_some(FlowRow::ERROR, error.map(|error| Json(error.clone())).as_ref())
        .eq(FlowRow::UUID, &flow)
        .eq(FlowRow::NODE_UUID, &node)
        .expect(format!("flow {flow} is no longer in the journal, or another node's"));
    db.defer_update(flow, until, batch).await
}

/// Writes the end, and what the flow did; for the flow of a job, together with the job's.
pub(super) async fn end(
    db: &Db,
    (flow, node): (Uuid, Uuid),
    state: FlowState,
    context: Option<serde_json::Value>,
    error: Option<&ErrorCode>,
    trail: &TimelineRow,
) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.insert(trail);
    batch
        .update::<FlowRow>()
        .set(FlowRow::STATE, &state)
        .set_some(FlowRow::CONTEXT, context.map(Json).as_ref())
        .set_some(FlowRow::ERROR, error.map(|error| Json(error.clone())).as_ref())
        .eq(FlowRow::UUID, &flow)
        .eq(FlowRow::NODE_UUID, &node)
        .expect(format!("flow {flow} is no longer in the journal, or another node's"));
    db.defer_end(flow, batch).await
}

/// Writes that nobody knows how to go on from `step`, at once: who asks is told so.
pub(super) async fn park(
    db: &Db,
    (flow, node): (Uuid, Uuid),
    phase: Phase,
    step: &str,
    why: &ErrorCode,
    trail: &TimelineRow,
) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.insert(trail);
    batch
        .update::<FlowRow>()
        .set(FlowRow::STATE, &FlowState::Parked)
        .set(FlowRow::PHASE, &phase)
        .set(FlowRow::STEP, &step.to_owned())
        .set(FlowRow::ERROR, &Some(Json(why.clone())))
        .eq(FlowRow::UUID, &flow)
        .eq(FlowRow::NODE_UUID, &node)
        .expect(format!("flow {flow} is no longer in the journal, or another node's"));
    db.defer_end(flow, batch).await
}

/// The row of the flow `id`.
pub(super) async fn find(db: &Db, id: Uuid) -> Result<Option<FlowRow>, DbError> {
    db.find(FlowRow::UUID, &id).await
}

/// A flow on `resource` that waits for somebody to decide what becomes of it.
pub(super) async fn parked_on(db: &Db, resource: Uuid) -> Result<Option<FlowRow>, DbError> {
    let on = db.select::<FlowRow>().eq(FlowRow::RESOURCE_UUID, &resource);
    on.eq(FlowRow::STATE, &FlowState::Parked).first().await
}

/// What `node` has to work on.
pub(super) async fn active(db: &Db, node: Uuid) -> Result<Vec<FlowRow>, DbError> {
    db.select::<FlowRow>()
        .eq(FlowRow::STATE, &FlowState::Active)
        .eq(FlowRow::NODE_UUID, &node)
        .order_by(FlowRow::CREATE_DATE)
        .all()
        .await
}

/// What nobody of `members` has to work on.
pub(super) async fn orphaned(db: &Db, members: &[Uuid]) -> Result<Vec<FlowRow>, DbError> {
    let active = db.select::<FlowRow>().eq(FlowRow::STATE, &FlowState::Active);
    let orphaned = members.iter().fold(active, |rows, member| rows.ne(FlowRow::NODE_UUID, member));
    orphaned.order_by(FlowRow::CREATE_DATE).all().await
}

/// Adds to `batch` that the flow goes from one node to another.
pub(super) fn pass_on(batch: &mut Batch, flow: Uuid, from: Uuid, to: Uuid) {
    batch
        .update::<FlowRow>()
        .set(FlowRow::NODE_UUID, &to)
        .eq(FlowRow::UUID, &flow)
        .eq(FlowRow::NODE_UUID, &from)
        .eq(FlowRow::STATE, &FlowState::Active)
        .expect(format!("flow {flow} is another node's by now"));
}

/// Adds to `batch` that the parked flow is from now on as `row` says, worked on by `node` where it goes on, by a decision of
/// the call `by`; refused with `otherwise` when it is not parked any more.
pub(super) fn decided(batch: &mut Batch, row: &FlowRow, node: Uuid, by: Uuid, otherwise: ErrorCode) {
    batch
        .update::<FlowRow>()
        .set(FlowRow::STATE, &row.state)
        .set(FlowRow::NODE_UUID, &node)
        .set(FlowRow::STEP, &row.step)
        .set(FlowRow::STEPS, &row.steps)
        .set(FlowRow::SKIPPED, &row.skipped)
        .set(FlowRow::ERROR, &row.error)
        .set(FlowRow::DECIDED_BY, &Some(by))
        .eq(FlowRow::UUID, &row.uuid)
        .eq(FlowRow::STATE, &FlowState::Parked)
        .expect_or(otherwise);
}

/// Forgets flows that ended well or were undone before `before`.
pub(super) async fn forget(db: &Db, before: Timestamp) -> Result<(), DbError> {
    let ended = [FlowState::Done, FlowState::Failed];
    let old = db
        .select::<FlowRow>()
        .one_of(FlowRow::STATE, &ended)
        .at_most(FlowRow::LAST_OP_DATE, before.0)
        .limit(10_000)
        .all()
        .await?;
    if old.is_empty() {
        return Ok(());
    }
    let uuids: Vec<Uuid> = old.iter().map(|row| row.uuid).collect();
    let mut batch = db.batch();
    batch.delete::<FlowRow>().one_of(FlowRow::UUID, &uuids).any();
    db.commit(batch).await.map(drop)
}
