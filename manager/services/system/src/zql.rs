//! `ZQLQuery`: the kernel's query engine as an API.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::api::query::{ZQLQuery, ZQLQueryReply};
use cumulo_kernel::{
    Kernel, Setup,
    api::{ApiCx, HandleApi},
};
use cumulo_schema::ErrorCode;

pub(super) fn install(setup: &mut Setup) {
    let queries = Queries { kernel: setup.kernel().clone() };
    setup.api::<ZQLQuery>(Arc::new(queries));
}

struct Queries {
    kernel: Kernel,
}

#[async_trait]
impl HandleApi<ZQLQuery> for Queries {
    async fn handle(&self, cx: &ApiCx, api: ZQLQuery) -> Result<ZQLQueryReply, ErrorCode> {
        let text = api.zql.unwrap_or_default();
        let results = self.kernel.query().zql(&cx.caller, &text, api.explain.unwrap_or(false)).await?;
        Ok(ZQLQueryReply { results })
    }
}
