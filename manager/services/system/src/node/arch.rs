//! `GetManagementNodeArch`.

use async_trait::async_trait;
use cumulo_contracts::api::management::{GetManagementNodeArch, GetManagementNodeArchReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::Nodes;

#[async_trait]
impl HandleApi<GetManagementNodeArch> for Nodes {
    async fn handle(&self, _cx: &ApiCx, _api: GetManagementNodeArch) -> Result<GetManagementNodeArchReply, ErrorCode> {
        Ok(GetManagementNodeArchReply { architecture: Some(std::env::consts::ARCH.to_owned()) })
    }
}
