//! Metrics of hosts and VMs: what agents measure every ten seconds, kept for a week, rolled up, asked for by
//! `GetMetricData` and ZQL's `zwatch`, and shown to Prometheus.
//!
//! They are kept apart from the database ([`store`]): they may be lost, come all the time and are many. A node keeps those of
//! the hosts that report to it.

mod catalog;
mod chunk;
mod evaluate;
mod filter;
mod get_metric_data;
mod latest;
mod series;
mod source;
mod store;
mod watch;

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use cumulo_contracts::{api::metric::GetMetricData, ext::hypervisor::OnUsageMeasured, resource::VmInstance};
use cumulo_kernel::{
    Kernel, Setup,
    bus::Caller,
    metrics::Gauges,
    query::{MetricPoint, MetricSource, RowFilter, Select},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, codes};
use serde_json::Value;

pub use chunk::Unreadable;
use evaluate::Plan;
use latest::Latest;
use store::Store;
pub use store::StoreError;

/// The name by which ZQL knows the service.
const ZWATCH: &str = "zwatch";
/// What the file may take, in bytes; then the oldest goes first, whatever its age.
const MOST: u64 = 20 << 30;

/// Most VMs of an account that are asked about at once.
const MOST_VMS: u64 = 100_000;

/// The metrics service.
struct Metrics {
    kernel: Kernel,
    store: Store,
    latest: Latest,
    /// Bytes in use in the store, as of the last minute.
    size: AtomicU64,
}

/// Installs the service, which keeps its metrics in `file`. To be called in a tokio runtime.
///
/// # Errors
/// When the file cannot be opened.
pub fn install(setup: &mut Setup, file: &Path) -> Result<(), StoreError> {
    let metrics = Arc::new(Metrics {
        kernel: setup.kernel().clone(),
        store: Store::open(file, MOST)?,
        latest: Latest::default(),
        size: AtomicU64::new(0),
    });
    setup
        .api::<GetMetricData>(metrics.clone())
        .add::<dyn MetricSource>(metrics.clone())
        .add::<dyn OnUsageMeasured>(metrics.clone())
        .add::<dyn Gauges>(metrics.clone())
        .driver::<dyn RowFilter>(ZWATCH, metrics.clone());
    let (stopping, store) = (setup.kernel().stopping(), metrics.store.clone());
    tokio::spawn(async move {
        stopping.cancelled().await;
        store.close();
    });
    setup.kernel().spawn(watch::rounds(metrics));
    Ok(())
}

impl Metrics {
    /// The VMs of `caller`, who is not the admin.
    async fn own(&self, caller: &Caller) -> Result<HashSet<Uuid>, ErrorCode> {
        let key = VmInstance::META.key().wire;
        let select = Select { fields: Some(vec![key.to_owned()]), limit: MOST_VMS, ..Select::of(VmInstance::META) };
        let found = self.kernel.query().run(caller, &select).await?;
        let rows = found.inventories.unwrap_or_default();
        Ok(rows.iter().filter_map(|row| row.get(key).and_then(Value::as_str)?.parse().ok()).collect())
    }

    /// The points that `plan` is about, of those of `subjects` that it allows.
    async fn find(&self, plan: &Plan, subjects: Vec<Uuid>) -> Result<Vec<MetricPoint>, ErrorCode> {
        // What was told before the question is in the answer.
        let read = async {
            self.store.settle().await?;
            self.store.series(plan.question(subjects)).await
        };
        let series = read.await.map_err(|cause| failed(&cause))?;
        plan.answer(series)
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    Timestamp::now().0.div_euclid(1000)
}

fn failed(cause: &StoreError) -> ErrorCode {
    ErrorCode::new(codes::INTERNAL, "the metrics cannot be read; the log may say why").because_of(cause)
}
