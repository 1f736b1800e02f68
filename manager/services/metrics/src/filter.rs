//! `filter by zwatch{metricName='CPUAverageUsedUtilization', valueConditions='>80'}`: the rows that have such points.

use std::collections::HashSet;

use async_trait::async_trait;
use cumulo_kernel::query::{MetricQuery, RowFilter};
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid};

use crate::{Metrics, catalog::Kind, evaluate::Plan, now};

#[async_trait]
impl RowFilter for Metrics {
    async fn keep(
        &self,
        resource: &'static ResourceMeta,
        uuids: &[String],
        condition: &str,
    ) -> Result<Vec<String>, ErrorCode> {
        let query = MetricQuery::parse(condition)?;
        // Only of VMs: rows of hosts are seen by all, what is measured of them is not, and who asks is not known here.
        if Kind::of_resource(resource) != Some(Kind::Vm) {
            return Err(ErrorCode::invalid("only vminstance can be filtered by metrics"));
        }
        let plan = Plan::new(Kind::Vm, &query, now())?;
        let subjects: Vec<Uuid> = uuids.iter().filter_map(|uuid| uuid.parse().ok()).collect();
        let points = Metrics::find(self, &plan, subjects).await?;
        let having: HashSet<&str> =
            points.iter().filter_map(|point| point.labels.get(Kind::Vm.label())).map(String::as_str).collect();
        Ok(uuids.iter().filter(|uuid| having.contains(uuid.as_str())).cloned().collect())
    }
}
