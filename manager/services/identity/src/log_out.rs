//! `LogOut`: whoever knows a session may end it. One that has ended is fine.

use async_trait::async_trait;
use cumulo_contracts::api::identity::LogOut;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use crate::Identity;

#[async_trait]
impl HandleApi<LogOut> for Identity {
    async fn handle(&self, _cx: &ApiCx, api: LogOut) -> Result<Empty, ErrorCode> {
        if let Some(session) = api.session_uuid.and_then(|text| text.parse().ok()) {
            self.sessions.end(&[session]).await?;
        }
        Ok(Empty {})
    }
}
