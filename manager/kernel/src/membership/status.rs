//! Who takes part, and what is unfinished, read from the database by whoever wants to know: no node need be up.

use cumulo_schema::{
    Uuid,
    system::{GarbageCollector, GcStatus},
};

use super::{NodeLease, store::Store};
use crate::{
    api::{ApiJob, JobState},
    db::{Db, DbError},
    flow::{FlowRow, FlowState},
};

/// What [`status`] found.
#[derive(Debug, Clone)]
pub struct Status {
    /// The latest epoch; 0 where no node ever shared this database.
    pub epoch: u64,
    /// The nodes that take part, by name of their machine.
    pub nodes: Vec<NodeStatus>,
    /// Flows and jobs that no node works on at the moment.
    pub nobodys: (usize, usize),
    /// Flows that nobody knows how to go on with.
    pub parked: Vec<FlowRow>,
    /// Undos and the like that are still owed.
    pub debts: u64,
}

/// A node that takes part.
#[derive(Debug, Clone)]
pub struct NodeStatus {
    /// Its lease.
    pub lease: NodeLease,
    /// How long that holds yet, in milliseconds by the database's clock; negative when it is over.
    pub left_ms: i64,
    /// The flows and jobs that it works on.
    pub under_way: (usize, usize),
}

/// Reads who takes part in `db`, and what is unfinished.
///
/// # Errors
/// When the database fails.
pub async fn status(db: &Db) -> Result<Status, DbError> {
    let store = Store::new(db.clone());
    let (epoch, _) = store.latest().await?;
    let now = store.clock().await?;
    let flows = db.select::<FlowRow>().eq(FlowRow::STATE, &FlowState::Active).all().await?;
    let jobs = db.select::<ApiJob>().eq(ApiJob::STATE, &JobState::Running).all().await?;
    let under_way = |of: &dyn Fn(&Uuid) -> bool| {
        let flows = flows.iter().filter(|flow| of(&flow.node_uuid)).count();
        (flows, jobs.iter().filter(|job| of(&job.node_uuid)).count())
    };
    let mut leases = store.leases().await?;
    leases.sort_by(|one, other| (&one.host_name, one.node_uuid).cmp(&(&other.host_name, other.node_uuid)));
    let nobodys = under_way(&|node| leases.iter().all(|lease| lease.node_uuid != *node));
    let status_of = |lease: NodeLease| NodeStatus {
        left_ms: lease.lease_until - now,
        under_way: under_way(&|node| lease.node_uuid == *node),
        lease,
    };
    let owed = db.select::<GarbageCollector>().ne(GarbageCollector::STATUS, &GcStatus::Done);
    Ok(Status {
        epoch,
        nodes: leases.into_iter().map(status_of).collect(),
        nobodys,
        parked: db.select::<FlowRow>().eq(FlowRow::STATE, &FlowState::Parked).all().await?,
        debts: owed.count().await?,
    })
}
