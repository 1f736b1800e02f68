//! When a cluster has nothing left to do.

use std::time::{Duration, Instant};

use cumulo_contracts::resource::{Host, HostStatus};
use cumulo_kernel::{
    api::{ApiJob, JobState},
    db::Db,
    flow::{FlowRow, FlowState},
};
use cumulo_schema::system::{GarbageCollector, GcStatus};
use tokio::time::sleep;

use crate::outcome::Finding;

/// Longest wait for it: debts are tried again after 5, 10, 20 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until no job runs, no flow is under way, nothing is owed and every host is connected, and answers what does not come to that.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn settle(db: &Db) -> anyhow::Result<Vec<Finding>> {
    let since = Instant::now();
    loop {
        let restless = restless(db).await?;
        if restless.is_empty() || since.elapsed() > PATIENCE {
            return Ok(restless);
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn restless(db: &Db) -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    for job in db.select::<ApiJob>().eq(ApiJob::STATE, &JobState::Running).all().await? {
        found.push(Finding::lost(format!("job {} of {} still runs, on node {}", job.uuid, job.api, job.node_uuid)));
    }
    let open = [FlowState::Active, FlowState::Parked];
    for flow in db.select::<FlowRow>().one_of(FlowRow::STATE, &open).all().await? {
        let FlowRow { uuid, chain, step, state, resource_uuid, node_uuid, .. } = flow;
        let place = format!("at step {step} of {chain} for {resource_uuid}, on node {node_uuid}");
        found.push(Finding::lost(format!("flow {uuid} is {state} {place}")));
    }
    for host in db.select::<Host>().ne(Host::STATUS, &HostStatus::Connected).all().await? {
        found.push(Finding::lost(format!("host {} stays {}", host.name, host.status)));
    }
    for debt in db.select::<GarbageCollector>().ne(GarbageCollector::STATUS, &GcStatus::Done).all().await? {
        let GarbageCollector { name, resource_uuid, attempts, last_error, .. } = debt;
        let error = last_error.0;
        found.push(Finding::leaked(format!("still owed after {attempts} tries: {name} for {resource_uuid}: {error}")));
    }
    Ok(found)
}
