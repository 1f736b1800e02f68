//! `ValidateSession`: asking does not extend the session.

use async_trait::async_trait;
use cumulo_contracts::api::identity::{ValidateSession, ValidateSessionReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::Identity;

#[async_trait]
impl HandleApi<ValidateSession> for Identity {
    async fn handle(&self, _cx: &ApiCx, api: ValidateSession) -> Result<ValidateSessionReply, ErrorCode> {
        let valid = match api.session_uuid.parse() {
            Ok(session) => self.sessions.is_valid(session).await?,
            Err(_) => false,
        };
        Ok(ValidateSessionReply { valid })
    }
}
