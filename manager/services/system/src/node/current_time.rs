//! `GetCurrentTime`: the node's clock, under the names that clients read (the misspelt one is the wire's).

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::api::management::{GetCurrentTime, GetCurrentTimeReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::Nodes;

#[async_trait]
impl HandleApi<GetCurrentTime> for Nodes {
    async fn handle(&self, cx: &ApiCx, _api: GetCurrentTime) -> Result<GetCurrentTimeReply, ErrorCode> {
        let milliseconds = cx.now().0;
        let current_time = [("MillionSeconds", milliseconds), ("Seconds", milliseconds / 1000)];
        Ok(GetCurrentTimeReply { current_time: BTreeMap::from(current_time.map(|(name, at)| (name.to_owned(), at))) })
    }
}
