//! `return with (zwatch{…})`: metrics of the rows that a statement found.

use async_trait::async_trait;
use cumulo_kernel::{
    bus::Caller,
    query::{MetricPoint, MetricQuery, MetricSource},
};
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid, codes};

use crate::{Metrics, catalog::Kind, evaluate::Plan, now};

#[async_trait]
impl MetricSource for Metrics {
    async fn find(
        &self,
        caller: &Caller,
        resource: &'static ResourceMeta,
        uuids: &[String],
        query: &MetricQuery,
    ) -> Result<Vec<MetricPoint>, ErrorCode> {
        let plan = Plan::new(kind(caller, resource, query)?, query, now())?;
        // A row may have no host.
        let mut subjects: Vec<Uuid> = uuids.iter().filter_map(|uuid| uuid.parse().ok()).collect();
        if !caller.is_admin() {
            // A row that is seen may name a VM that is not.
            let own = self.own(caller).await?;
            subjects.retain(|uuid| own.contains(uuid));
        }
        Metrics::find(self, &plan, subjects).await
    }
}

/// What a question about rows of `resource` is about.
///
/// # Errors
/// SYS.1007 where nothing is measured of them, ID.1002 where `caller` may not know.
pub(crate) fn kind(caller: &Caller, resource: &ResourceMeta, query: &MetricQuery) -> Result<Kind, ErrorCode> {
    let nothing = || {
        let text = format!("nothing is measured of {}; ask for metrics of vminstance or host", resource.inventory);
        ErrorCode::invalid(text)
    };
    let kind = match &query.namespace {
        Some(namespace) => Kind::of_namespace(namespace)?,
        None => Kind::of_resource(resource).ok_or_else(nothing)?,
    };
    may(caller, kind)?;
    Ok(kind)
}

/// # Errors
/// ID.1002 where `caller` may not know metrics of `kind` at all.
pub(crate) fn may(caller: &Caller, kind: Kind) -> Result<(), ErrorCode> {
    match kind {
        Kind::Vm => Ok(()),
        Kind::Host if caller.is_admin() => Ok(()),
        Kind::Host => {
            Err(ErrorCode::new(codes::PERMISSION_DENIED, "metrics of hosts may be asked for by the admin account only"))
        }
    }
}
