//! `GetMetricData`: points of a metric, of everybody that the caller may see.

use async_trait::async_trait;
use cumulo_contracts::api::metric::{GetMetricData, GetMetricDataReply};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{LabelFilter, MetricFunction, MetricPoint, MetricQuery},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::json;

use crate::{Metrics, catalog::Kind, evaluate::Plan, failed, now, source};

#[async_trait]
impl HandleApi<GetMetricData> for Metrics {
    async fn handle(&self, cx: &ApiCx, api: GetMetricData) -> Result<GetMetricDataReply, ErrorCode> {
        let query = query(&api)?;
        let kind = Kind::of_namespace(&api.namespace)?;
        source::may(&cx.caller, kind)?;
        let plan = Plan::new(kind, &query, now())?;
        let subjects = match cx.caller.is_admin() {
            true => self.everybody(kind).await?,
            false => self.own(&cx.caller).await?.into_iter().collect(),
        };
        let points = self.find(&plan, subjects).await?;
        let point = |MetricPoint { value, time, labels }| json!({ "value": value, "time": time, "labels": labels });
        Ok(GetMetricDataReply { data: points.into_iter().map(point).collect() })
    }
}

fn query(api: &GetMetricData) -> Result<MetricQuery, ErrorCode> {
    let given = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let label = |text: &String| {
        LabelFilter::parse(text).ok_or_else(|| {
            let text: String = text.chars().take(60).collect();
            ErrorCode::invalid(format!("'{text}' is no label; write name=value, also with !=, =~ or !~"))
        })
    };
    Ok(MetricQuery {
        metric_name: api.metric_name.clone(),
        namespace: Some(api.namespace.clone()),
        start_time: api.start_time,
        end_time: api.end_time,
        offset_ahead_of_current_time: api.offset_ahead_of_current_time,
        period: api.period.map(i64::from),
        labels: given(&api.labels).iter().map(label).collect::<Result<_, _>>()?,
        value_conditions: given(&api.value_conditions),
        functions: given(&api.functions).iter().map(|text| MetricFunction::parse(text)).collect::<Result<_, _>>()?,
    })
}

impl Metrics {
    async fn everybody(&self, kind: Kind) -> Result<Vec<Uuid>, ErrorCode> {
        let all = self.store.subjects().await.map_err(|cause| failed(&cause))?;
        Ok(all.into_iter().filter(|(of, _)| *of == kind).map(|(_, uuid)| uuid).collect())
    }
}
