//! `GetTaskProgress`: how far a call is. One that is not the caller's own does not exist for it.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::api::long_job::{GetTaskProgress, GetTaskProgressReply};
use cumulo_kernel::{
    Kernel, Setup,
    api::{ApiCx, HandleApi},
};
use cumulo_schema::ErrorCode;

struct Progresses(Kernel);

pub(crate) fn install(setup: &mut Setup) {
    let progresses = Arc::new(Progresses(setup.kernel().clone()));
    setup.api::<GetTaskProgress>(progresses);
}

#[async_trait]
impl HandleApi<GetTaskProgress> for Progresses {
    async fn handle(&self, cx: &ApiCx, api: GetTaskProgress) -> Result<GetTaskProgressReply, ErrorCode> {
        let Some(Ok(job)) = api.api_id.as_deref().map(str::parse) else {
            return Err(ErrorCode::invalid("field[apiId] must be the id of a call: the last part of its location"));
        };
        let found = self.0.progress(job, api.all).await?;
        let own = found.filter(|progress| cx.caller.is_admin() || progress.account == cx.caller.account);
        Ok(GetTaskProgressReply { inventories: own.map(|progress| progress.entries).unwrap_or_default() })
    }
}
