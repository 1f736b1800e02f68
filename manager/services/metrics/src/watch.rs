//! What the service does by itself: rolling up, deleting, and forgetting who is no more.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use cumulo_contracts::resource::{Host, VmInstance};
use cumulo_kernel::{Kernel, db::DbRow};
use cumulo_schema::{Cell, ErrorCode, FieldKind, Resource, ResourceMeta, Uuid};
use sea_query::{Alias, Query};

use crate::{Metrics, catalog::Kind, failed, now};

/// How often the store is looked after.
const ROUND: Duration = Duration::from_secs(1);
/// Rounds from one look at the size to the next.
const SIZE_EVERY: u32 = 60;
/// Rounds from one look at who is gone to the next.
const FORGET_EVERY: u32 = 600;

pub(crate) async fn rounds(metrics: Arc<Metrics>) {
    let mut round = 0_u32;
    loop {
        tokio::time::sleep(ROUND).await;
        round = round.wrapping_add(1);
        if let Err(error) = metrics.store.maintain(now()).await {
            tracing::warn!(%error, "the metrics could not be looked after");
        }
        if round.is_multiple_of(SIZE_EVERY) {
            match metrics.store.size().await {
                Ok(size) => metrics.size.store(size, Ordering::Relaxed),
                Err(error) => tracing::warn!(%error, "the size of the metrics could not be told"),
            }
        }
        if round.is_multiple_of(FORGET_EVERY) {
            metrics.latest.forget_old(now());
            if let Err(error) = metrics.forget_gone().await {
                tracing::warn!(%error, "metrics of those who are gone could not be forgotten");
            }
        }
    }
}

impl Metrics {
    /// Deletes what is kept of VMs that were expunged and hosts that were deleted.
    pub(crate) async fn forget_gone(&self) -> Result<(), ErrorCode> {
        let kept = self.store.subjects().await.map_err(|cause| failed(&cause))?;
        // Asked after: one that came in between is there.
        let there = (ids(&self.kernel, VmInstance::META).await?, ids(&self.kernel, Host::META).await?);
        let is_gone = |(kind, uuid): &(Kind, Uuid)| match kind {
            Kind::Vm => !there.0.contains(uuid),
            Kind::Host => !there.1.contains(uuid),
        };
        let gone: Vec<Uuid> = kept.into_iter().filter(is_gone).map(|(_, uuid)| uuid).collect();
        match gone.is_empty() {
            true => Ok(()),
            false => self.store.forget(gone).await.map_err(|cause| failed(&cause)),
        }
    }
}

async fn ids(kernel: &Kernel, meta: &ResourceMeta) -> Result<HashSet<Uuid>, ErrorCode> {
    let mut query = Query::select();
    query.column(Alias::new(meta.key().column)).from(Alias::new(meta.table));
    let rows = kernel.db().fetch(&query).await?;
    let id = |row: &DbRow| match row.at(0, FieldKind::Uuid) {
        Ok(Cell::Text(text)) => text.parse().ok(),
        _ => None,
    };
    Ok(rows.iter().filter_map(id).collect())
}
