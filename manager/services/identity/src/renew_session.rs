//! `RenewSession`: one's own; the admin may renew anybody's.

use std::time::Duration;

use async_trait::async_trait;
use cumulo_contracts::{api::identity::RenewSession, resource::Session};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::Identity;

#[async_trait]
impl HandleApi<RenewSession> for Identity {
    async fn handle(&self, cx: &ApiCx, api: RenewSession) -> Result<Inventory<Session>, ErrorCode> {
        let account = self.sessions.account_of(api.session_uuid).await?;
        if !cx.caller.is_admin() && account != cx.caller.account {
            let details = "the session belongs to another account; only its own account and the admin may renew it";
            return Err(ErrorCode::new(codes::PERMISSION_DENIED, details));
        }
        let duration = api.duration.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        self.sessions.renew(api.session_uuid, duration).await?;
        cx.inventory::<Session>(&api.session_uuid).await
    }
}
