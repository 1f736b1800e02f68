//! `ResetGlobalConfig`: every setting is what it was declared to be.

use async_trait::async_trait;
use cumulo_contracts::api::config::ResetGlobalConfig;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use super::Configs;

#[async_trait]
impl HandleApi<ResetGlobalConfig> for Configs {
    async fn handle(&self, _cx: &ApiCx, _api: ResetGlobalConfig) -> Result<Empty, ErrorCode> {
        self.kernel.configs().reset().await?;
        Ok(Empty {})
    }
}
