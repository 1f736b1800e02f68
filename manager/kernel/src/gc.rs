//! Debts: what must still be cleaned up, persisted, retried with backoff, shown by `QueryGCJob`, triggered by hand.
//!
//! A debt names a runner and carries what the runner needs. The commonest is the undo of a flow step that kept failing;
//! services register runners of their own for remote objects whose host is away. One that succeeds is kept for a day as
//! `Done`, so that people see what happened.
//!
//! A try that fails since a host does not answer notes which one: whoever sees it back makes those debts due ([`Debts::due`]),
//! however long the pause had become. Debts of one resource are tried one after another, in the order in which they fell due:
//! the guest goes before the volume it uses. Those of others do not wait for them, so a host that hangs delays only what is
//! owed there.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use cumulo_schema::{
    ErrorCode, Json, Timestamp, Uuid, message,
    system::{GarbageCollector, GcStatus},
};
use futures::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    Kernel,
    bus::{Bus, CallContext, Caller, Handle},
    cluster::Cluster,
    db::Db,
    flow::Flows,
};

/// The pause after the first failed try; it doubles up to an hour.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How often it is looked what is due.
const ROUND: Duration = Duration::from_secs(1);
/// Debts looked at in one round.
const DUE: u64 = 64;
/// Resources whose debts are tried at once.
const AT_ONCE: usize = 16;
/// How long one try may take.
const TRY_TIMEOUT: Duration = Duration::from_mins(5);

/// Cleans up one kind of thing. Runs again until it succeeds; must bear having succeeded before.
#[async_trait]
pub trait GcRunner: Send + Sync + 'static {
    /// One try. `attempt` counts from 1.
    async fn run(&self, context: &str, attempt: u64) -> Result<(), ErrorCode>;
}

/// The undo of a step, still owed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoDebt {
    /// The flow.
    pub flow: Uuid,
    /// Its context's name.
    pub name: String,
    /// Its chain.
    pub chain: String,
    /// The step.
    pub step: String,
    /// The resource it works on.
    pub resource: Uuid,
    /// The context to undo with.
    pub context: serde_json::Value,
}

/// Records debts.
#[derive(Debug, Clone)]
pub struct Debts {
    db: Db,
    node: Uuid,
}

/// The name of the runner of [`UndoDebt`]s.
const UNDO_RUNNER: &str = "flow-undo";

impl Debts {
    pub(crate) fn new(db: Db, node: Uuid) -> Self {
        Self { db, node }
    }

    /// Records that an undo is still owed.
    pub(crate) async fn owe(&self, debt: &UndoDebt, reason: &ErrorCode) -> Result<(), ErrorCode> {
        let name = format!("undo {} of {}", debt.step, debt.chain);
        let context = serde_json::to_string(debt)
            .map_err(|cause| ErrorCode::internal("a debt cannot be stored").because_of(&cause))?;
        // The same undo owed twice, after a crash between recording and going on, is one debt.
        let uuid = debt.flow.derive(&format!("debt/{}", debt.step));
        self.record(uuid, name, UNDO_RUNNER, context, debt.resource, reason).await
    }

    /// Records a debt of a service: `runner` will be run with `context` until it succeeds. The same `uuid` twice is one debt.
    /// Nobody else remembers it, so this waits while the database server is away.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record(
        &self,
        uuid: Uuid,
        name: String,
        runner: &str,
        context: String,
        resource: Uuid,
        reason: &ErrorCode,
    ) -> Result<(), ErrorCode> {
        let now = Timestamp::now();
        let mut batch = self.db.batch();
        batch.insert(&GarbageCollector {
            uuid,
            name,
            runner_class: runner.to_owned(),
            context,
            status: GcStatus::Idle,
            management_node_uuid: Some(self.node),
            r#type: "TimeBased".to_owned(),
            resource_uuid: resource,
            last_error: Json(reason.clone()),
            attempts: 0,
            next_try: now.plus(FIRST_PAUSE),
            create_date: now,
            last_op_date: now,
            waits_for: reason.waits_for(),
        });
        match self.db.commit_surely(batch).await {
            Ok(_) | Err(crate::db::DbError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes all debts due that could not be paid while `agent`, a host or storage, did not answer: it is back. None is fine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due(&self, agent: Uuid) -> Result<(), ErrorCode> {
        // Hosts come back by the thousand when a node starts, and a write waits for the disk.
        let waiting = self.db.select::<GarbageCollector>().eq(GarbageCollector::WAITS_FOR, &Some(agent));
        if waiting.first().await?.is_none() {
            return Ok(());
        }
        let mut batch = self.db.batch();
        batch
            .update::<GarbageCollector>()
            .set(GarbageCollector::NEXT_TRY, &Timestamp::now())
            .set(GarbageCollector::WAITS_FOR, &None::<Uuid>)
            .eq(GarbageCollector::WAITS_FOR, &Some(agent))
            .any();
        Ok(self.db.commit(batch).await.map(drop)?)
    }

    /// Debts of `resource` that are not yet paid.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_resource(&self, resource: Uuid) -> Result<Vec<GarbageCollector>, ErrorCode> {
        let owed = self.db.select::<GarbageCollector>().eq(GarbageCollector::RESOURCE_UUID, &resource);
        Ok(owed.ne(GarbageCollector::STATUS, &GcStatus::Done).all().await?)
    }
}

/// Retries debts.
pub(crate) struct Collector {
    db: Db,
    bus: Bus,
    cluster: Cluster,
    runners: HashMap<&'static str, Arc<dyn GcRunner>>,
}

impl Collector {
    pub(crate) fn new(kernel: &Kernel, mut runners: HashMap<&'static str, Arc<dyn GcRunner>>) -> Self {
        runners.insert(UNDO_RUNNER, Arc::new(UndoRunner(kernel.flows().clone())));
        let (db, bus, cluster) = (kernel.db().clone(), kernel.bus().clone(), kernel.cluster().clone());
        Self { db, bus, cluster, runners }
    }

    /// Tries debts that are due and whose resource is this node's, for ever. One that takes long delays no other resource's.
    pub(crate) async fn rounds(&self) {
        let (mut under_way, mut busy) = (FuturesUnordered::new(), HashSet::new());
        let mut round = tokio::time::interval_at(Instant::now() + ROUND, ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(resource) = under_way.next() => {
                    busy.remove(&resource);
                }
                _ = round.tick() => match self.due().await {
                    Ok(due) => {
                        for (resource, debts) in due {
                            if busy.len() < AT_ONCE && busy.insert(resource) {
                                under_way.push(self.pay_all(resource, debts));
                            }
                        }
                    }
                    Err(error) => tracing::warn!(%error, "debts could not be looked at"),
                },
            }
        }
    }

    /// The debts that are due, with those of one resource together, in the order in which they fell due.
    async fn due(&self) -> Result<Vec<(Uuid, Vec<GarbageCollector>)>, ErrorCode> {
        let due = self
            .db
            .select::<GarbageCollector>()
            .eq(GarbageCollector::STATUS, &GcStatus::Idle)
            .at_most(GarbageCollector::NEXT_TRY, Timestamp::now().0)
            .order_by(GarbageCollector::NEXT_TRY)
            .order_by(GarbageCollector::CREATE_DATE)
            .limit(DUE)
            .all()
            .await?;
        let mut groups: Vec<(Uuid, Vec<GarbageCollector>)> = Vec::new();
        let mut places = HashMap::new();
        for debt in due {
            let place = *places.entry(debt.resource_uuid).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, group)) => group.push(debt),
                None => groups.push((debt.resource_uuid, vec![debt])),
            }
        }
        Ok(groups)
    }

    /// Tries `debts` of `resource`, in order, where that is this node's; answers `resource`.
    async fn pay_all(&self, resource: Uuid, debts: Vec<GarbageCollector>) -> Uuid {
        for debt in debts {
            let Some(hold) = self.cluster.hold_now(&resource) else { break };
            // Why it is still owed is logged and recorded where that was found.
            let _ = hold.scope(self.pay(debt)).await;
        }
        resource
    }

    /// Tries one debt now, due or not.
    ///
    /// # Errors
    /// SYS.1003 when there is none; otherwise what the try said.
    pub(crate) async fn trigger(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        let debt = self.db.find(GarbageCollector::UUID, &uuid).await?;
        let debt = debt.ok_or_else(|| ErrorCode::not_found("GarbageCollector", uuid))?;
        match debt.status {
            GcStatus::Done => Ok(()),
            GcStatus::Idle | GcStatus::Processing => {
                self.bus.call(PayDebt { debt: uuid, resource: debt.resource_uuid }).await
            }
        }
    }

    /// Tries one debt now, on the node that owns its resource.
    async fn pay_here(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        match self.db.find(GarbageCollector::UUID, &uuid).await? {
            Some(debt) if debt.status != GcStatus::Done => self.pay(debt).await,
            _ => Ok(()),
        }
    }

    async fn pay(&self, debt: GarbageCollector) -> Result<(), ErrorCode> {
        let attempt = debt.attempts + 1;
        let context = CallContext::starting(debt.uuid, Caller::SYSTEM, TRY_TIMEOUT);
        let outcome = match self.runners.get(debt.runner_class.as_str()) {
            Some(runner) => context.scope(runner.run(&debt.context, u64::try_from(attempt).unwrap_or(1))).await,
            None => Err(ErrorCode::internal(format!("nobody can run '{}' any more", debt.runner_class))),
        };
        let mut batch = self.db.batch();
        let update = batch
            .update::<GarbageCollector>()
            .set(GarbageCollector::ATTEMPTS, &attempt)
            .eq(GarbageCollector::UUID, &debt.uuid);
        match &outcome {
            Ok(()) => {
                tracing::info!(debt = %debt.uuid, name = debt.name, attempt, "a debt is paid");
                update.set(GarbageCollector::STATUS, &GcStatus::Done).any();
            }
            Err(error) => {
                tracing::warn!(debt = %debt.uuid, name = debt.name, attempt, %error, "a debt is still owed");
                let doublings = u32::try_from(attempt - 1).unwrap_or(u32::MAX).min(20);
                let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
                update
                    .set(GarbageCollector::LAST_ERROR, &Json(error.clone()))
                    .set(GarbageCollector::WAITS_FOR, &error.waits_for())
                    .set(GarbageCollector::NEXT_TRY, &Timestamp::now().plus(pause))
                    .any();
            }
        }
        let recorded = self.db.commit(batch).await;
        recorded.inspect_err(|error| tracing::warn!(%error, "a debt's outcome could not be recorded"))?;
        outcome
    }
}

/// Try a debt now. One that is paid is fine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PayDebt {
    debt: Uuid,
    resource: Uuid,
}
message!(PayDebt => (), service = "gc", key = resource);

#[async_trait]
impl Handle<PayDebt> for Kernel {
    async fn handle(&self, message: PayDebt) -> Result<(), ErrorCode> {
        self.collector().pay_here(message.debt).await
    }
}

struct UndoRunner(Flows);

#[async_trait]
impl GcRunner for UndoRunner {
    async fn run(&self, context: &str, attempt: u64) -> Result<(), ErrorCode> {
        let debt = serde_json::from_str(context)
            .map_err(|cause| ErrorCode::internal("a debt's context is unreadable").because_of(&cause))?;
        self.0.repay(debt, attempt).await
    }
}
