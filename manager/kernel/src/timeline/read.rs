//! One resource's timeline, put together from what is recorded and what is under way.
//!
//! What is under way is known in memory by the node that owns the resource; that one is asked. Where it does not answer the
//! journal says at least where its flows stand.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid, message};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Timeline, TimelineRow, about,
    rows::{Detail, EntryKind, TrailEntry},
};
use crate::{
    Kernel,
    api::{ApiJob, JobState, created_by},
    bus::{CallContext, Caller, Handle},
    flow::{FlowRow, FlowState},
    ownership,
};

/// How long the node that works on the resource is given to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Calls whose commands on other nodes are looked for.
const TRACES: usize = 500;

/// What runs on a resource now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TellTrails {
    resource: Uuid,
}
message!(TellTrails => Vec<LiveFlow>, service = "flow", key = resource);

/// A flow under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LiveFlow {
    flow: Uuid,
    chain: String,
    trace: Uuid,
    node: Uuid,
    start: i64,
    detail: Detail,
}

#[async_trait]
impl Handle<TellTrails> for Timeline {
    async fn handle(&self, message: TellTrails) -> Result<Vec<LiveFlow>, ErrorCode> {
        let live = self.live();
        let on_it = live.values().filter(|trail| trail.resource() == message.resource);
        let tell = |row: TimelineRow| LiveFlow {
            flow: row.detail.0.flow.unwrap_or(row.uuid),
            chain: row.name,
            trace: row.trace,
            node: row.node_uuid,
            start: row.start_date.0,
            detail: row.detail.0,
        };
        Ok(on_it.map(|trail| tell(trail.row(self.node, "Running", None))).collect())
    }
}

/// Entries in the wire's form, with what they are ordered by.
#[derive(Default)]
struct Entries(Vec<((i64, u8), Value)>);

impl Kernel {
    /// What happened to `resource`, as far as `caller` may see it: at most the latest `limit` calls, flows and changes of
    /// state, the oldest first.
    ///
    /// # Errors
    /// SYS.1003 when nothing is known that it may see.
    pub async fn timeline_of(&self, resource: Uuid, caller: &Caller, limit: u64) -> Result<Vec<Value>, ErrorCode> {
        let recorded = self.db().select::<TimelineRow>().eq(TimelineRow::RESOURCE_UUID, &resource);
        let mut rows = recorded.latest_by(TimelineRow::END_DATE).limit(limit).all().await?;
        let mut jobs = self.running_about(resource).await?;
        let owner = ownership::owner(self.db(), resource).await?;
        let sees_all = caller.is_admin() || owner == Some(caller.account);
        if !sees_all {
            // Of what is gone, or was never its own, it sees what it did itself.
            jobs.retain(|job| job.account_uuid == caller.account);
            let own: Vec<Uuid> = rows
                .iter()
                .filter(|row| row.account_uuid == Some(caller.account))
                .map(|row| row.trace)
                .chain(jobs.iter().map(|job| job.uuid))
                .collect();
            rows.retain(|row| owner.is_none() && own.contains(&row.trace));
            if rows.is_empty() && jobs.is_empty() {
                return Err(ErrorCode::not_found("Resource", resource));
            }
        }
        let flows = if sees_all { self.unfinished(resource).await? } else { Vec::new() };
        let mut traces: Vec<Uuid> =
            rows.iter().map(|row| row.trace).chain(flows.iter().map(|flow| flow.trace)).collect();
        traces.sort_unstable();
        traces.dedup();
        let mut around = self.around(&traces).await?;
        around.retain(|row| rows.iter().all(|known| known.uuid != row.uuid));
        let calls = around.iter().chain(&rows).filter(|row| row.kind == EntryKind::Api);
        let names: HashMap<Uuid, &str> = calls
            .map(|row| (row.trace, row.name.as_str()))
            .chain(jobs.iter().map(|job| (job.uuid, job.api.as_str())))
            .collect();
        let mut entries = Entries::default();
        jobs.iter().for_each(|job| entries.running(job));
        flows.iter().for_each(|flow| entries.flow(flow, None, &names));
        for row in rows.iter().chain(around.iter().filter(|row| row.kind == EntryKind::Command)) {
            entries.row(row, &names);
        }
        Ok(entries.sorted())
    }

    /// Calls that are about `resource` and have not ended.
    async fn running_about(&self, resource: Uuid) -> Result<Vec<ApiJob>, ErrorCode> {
        let mut jobs = self.db().select::<ApiJob>().eq(ApiJob::STATE, &JobState::Running).all().await?;
        jobs.retain(|job| {
            let (Some(meta), Some(params)) = (self.apis().meta(&job.api), &job.params) else { return false };
            about(meta, &params.0, created_by(meta, &params.0, job.uuid)).contains(&resource)
        });
        Ok(jobs)
    }

    /// Flows on `resource` that have not ended.
    async fn unfinished(&self, resource: Uuid) -> Result<Vec<LiveFlow>, ErrorCode> {
        let context = CallContext::starting(CallContext::current().trace, Caller::SYSTEM, ANSWER);
        let told = context.scope(self.bus().call(TellTrails { resource })).await;
        let mut flows = told.unwrap_or_else(|error| {
            tracing::debug!(%resource, %error, "the node of a resource did not say what runs on it");
            Vec::new()
        });
        let active = self.db().select::<FlowRow>().eq(FlowRow::RESOURCE_UUID, &resource);
        for row in active.eq(FlowRow::STATE, &FlowState::Active).all().await? {
            if !flows.iter().any(|flow| flow.flow == row.uuid) {
                let (flow, trace) = (row.uuid, row.job_uuid.unwrap_or(row.uuid));
                let detail = Detail { flow: Some(flow), step: Some(row.step), ..Detail::default() };
                let (chain, node, start) = (row.chain, row.node_uuid, row.create_date.0);
                flows.push(LiveFlow { flow, chain, trace, node, start, detail });
            }
        }
        Ok(flows)
    }

    /// What else is recorded of these calls: of what else they were about, and commands that were no flow's.
    async fn around(&self, traces: &[Uuid]) -> Result<Vec<TimelineRow>, ErrorCode> {
        if traces.is_empty() {
            return Ok(Vec::new());
        }
        let some = &traces[..traces.len().min(TRACES)];
        let rows = self.db().select::<TimelineRow>().one_of(TimelineRow::TRACE, some);
        Ok(rows.one_of(TimelineRow::KIND, &[EntryKind::Api, EntryKind::Command]).all().await?)
    }
}

impl Entries {
    fn push(&mut self, at: i64, rank: u8, entry: Value) {
        self.0.push(((at, rank), entry));
    }

    fn sorted(mut self) -> Vec<Value> {
        self.0.sort_by_key(|(order, _)| *order);
        self.0.into_iter().map(|(_, entry)| entry).collect()
    }

    fn running(&mut self, job: &ApiJob) {
        let entry = json!({
            "type": "Api", "name": job.api, "result": "Running", "time": job.create_date.0, "apiId": job.uuid,
            "accountUuid": job.account_uuid, "nodeUuid": job.node_uuid,
        });
        self.push(job.create_date.0, 0, entry);
    }

    fn row(&mut self, row: &TimelineRow, names: &HashMap<Uuid, &str>) {
        let (start, took) = (row.start_date.0, row.end_date.0 - row.start_date.0);
        let detail = &row.detail.0;
        if row.kind == EntryKind::Flow {
            let flow = LiveFlow {
                flow: detail.flow.unwrap_or(row.uuid),
                chain: row.name.clone(),
                trace: row.trace,
                node: row.node_uuid,
                start,
                detail: detail.clone(),
            };
            return self.flow(&flow, Some((&row.result, took)), names);
        }
        let mut entry = json!({
            "type": row.kind.as_str(), "name": row.name, "result": row.result, "time": start, "took": took,
            "apiId": row.trace, "nodeUuid": row.node_uuid,
        });
        set(&mut entry, "accountUuid", row.account_uuid);
        set(&mut entry, "flowUuid", detail.flow);
        set(&mut entry, "step", detail.step.as_ref());
        set(&mut entry, "error", detail.error.as_ref());
        let agent = Some(row.resource_uuid).filter(|_| row.kind == EntryKind::Command);
        set(&mut entry, "agentUuid", agent);
        set(&mut entry, "taskUuid", detail.task);
        set_states(&mut entry, detail.states.as_ref());
        let api = names.get(&row.trace).filter(|_| row.kind != EntryKind::Api);
        set(&mut entry, "api", api);
        self.push(start, if row.kind == EntryKind::Api { 0 } else { 2 }, entry);
    }

    /// A flow and all that happened in it; `ended` says how and after how long, where it has.
    fn flow(&mut self, flow: &LiveFlow, ended: Option<(&str, i64)>, names: &HashMap<Uuid, &str>) {
        let detail = &flow.detail;
        let result = ended.map_or("Running", |(result, _)| result);
        let mut entry = json!({
            "type": "Flow", "name": flow.chain, "result": result, "time": flow.start, "apiId": flow.trace,
            "flowUuid": flow.flow, "nodeUuid": flow.node,
        });
        set(&mut entry, "took", ended.map(|(_, took)| took));
        set(&mut entry, "api", names.get(&flow.trace));
        set(&mut entry, "step", detail.step.as_ref());
        set(&mut entry, "error", detail.error.as_ref());
        set(&mut entry, "dropped", Some(detail.dropped).filter(|dropped| *dropped > 0));
        self.push(flow.start, 1, entry);
        detail.entries.iter().for_each(|part| self.part(flow, part));
    }

    fn part(&mut self, flow: &LiveFlow, part: &TrailEntry) {
        let result = match (part.took, &part.error) {
            (_, Some(_)) => "Failed",
            (Some(_), None) => "Succeeded",
            (None, None) => "Running",
        };
        let mut entry = json!({
            "type": part.kind, "name": part.name, "result": result, "time": part.at, "apiId": flow.trace,
            "flowUuid": flow.flow, "nodeUuid": flow.node,
        });
        set(&mut entry, "took", part.took);
        set(&mut entry, "step", part.step.as_ref());
        set(&mut entry, "agentUuid", part.agent);
        set(&mut entry, "taskUuid", part.task);
        set(&mut entry, "error", part.error.as_ref());
        set_states(&mut entry, part.states.as_ref());
        // Within one millisecond the order is that in which they were noted, which sorting keeps.
        self.push(part.at, 2, entry);
    }
}

fn set(entry: &mut Value, name: &str, value: Option<impl Serialize>) {
    let (Some(members), Some(value)) = (entry.as_object_mut(), value) else { return };
    members.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
}

fn set_states(entry: &mut Value, states: Option<&(String, String)>) {
    set(entry, "oldState", states.map(|(old, _)| old));
    set(entry, "newState", states.map(|(_, new)| new));
}
