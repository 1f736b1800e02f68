//! `RevokeResourceSharing`. What was made with the resource stays: a VM runs on from an image that is shared no more.

use async_trait::async_trait;
use cumulo_contracts::api::sharing::RevokeResourceSharing;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Uuid};

use crate::Identity;

#[async_trait]
impl HandleApi<RevokeResourceSharing> for Identity {
    async fn handle(&self, cx: &ApiCx, api: RevokeResourceSharing) -> Result<Empty, ErrorCode> {
        self.theirs(cx, &api.resource_uuids).await?;
        let accounts = api.account_uuids.unwrap_or_default();
        if api.all {
            self.store.revoke_all(&api.resource_uuids).await?;
        } else if accounts.is_empty() && !api.to_public {
            let details = "say from whom to take it back: accountUuids, toPublic=true for what every account may use, or \
                           all=true";
            return Err(ErrorCode::invalid(details));
        } else {
            let everybody = api.to_public.then_some(None);
            let receivers: Vec<Option<Uuid>> = accounts.into_iter().map(Some).chain(everybody).collect();
            self.store.revoke(&api.resource_uuids, &receivers).await?;
        }
        Ok(Empty {})
    }
}
