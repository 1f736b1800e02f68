//! `GetSupportAPIs`: the message classes of the APIs that this node answers.

use async_trait::async_trait;
use cumulo_contracts::api::management::{GetSupportAPIs, GetSupportAPIsReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::Nodes;

#[async_trait]
impl HandleApi<GetSupportAPIs> for Nodes {
    async fn handle(&self, _cx: &ApiCx, _api: GetSupportAPIs) -> Result<GetSupportAPIsReply, ErrorCode> {
        let support_apis = self.kernel.supported_apis().iter().map(|meta| meta.message_class()).collect();
        Ok(GetSupportAPIsReply { support_apis })
    }
}
