//! `GetResourceTimeline`: what happened to a resource. One that the caller does not own does not exist for it; of one that is
//! gone it sees what it did itself.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::api::flow::{GetResourceTimeline, GetResourceTimelineReply};
use cumulo_kernel::{
    Kernel, Setup,
    api::{ApiCx, HandleApi},
};
use cumulo_schema::ErrorCode;

struct Timelines(Kernel);

pub(crate) fn install(setup: &mut Setup) {
    let timelines = Arc::new(Timelines(setup.kernel().clone()));
    setup.api::<GetResourceTimeline>(timelines);
}

#[async_trait]
impl HandleApi<GetResourceTimeline> for Timelines {
    async fn handle(&self, cx: &ApiCx, api: GetResourceTimeline) -> Result<GetResourceTimelineReply, ErrorCode> {
        let limit = u64::try_from(api.limit).unwrap_or(1);
        Ok(GetResourceTimelineReply { inventories: self.0.timeline_of(api.uuid, &cx.caller, limit).await? })
    }
}
