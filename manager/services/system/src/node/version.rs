//! `GetVersion`.

use async_trait::async_trait;
use cumulo_contracts::api::management::{GetVersion, GetVersionReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::Nodes;

#[async_trait]
impl HandleApi<GetVersion> for Nodes {
    async fn handle(&self, _cx: &ApiCx, _api: GetVersion) -> Result<GetVersionReply, ErrorCode> {
        Ok(GetVersionReply { version: Some(env!("CARGO_PKG_VERSION").to_owned()) })
    }
}
