//! `DeleteAccount`, by the admin: the account, its sessions, and what it owns.

use async_trait::async_trait;
use cumulo_contracts::{api::identity::DeleteAccount, resource::Account};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid, codes};

use crate::Identity;

#[async_trait]
impl HandleApi<DeleteAccount> for Identity {
    async fn handle(&self, cx: &ApiCx, api: DeleteAccount) -> Result<Empty, ErrorCode> {
        if !cx.caller.is_admin() {
            return Err(ErrorCode::new(codes::PERMISSION_DENIED, "only the admin account may delete accounts"));
        }
        if api.uuid == Uuid::ADMIN {
            return Err(ErrorCode::invalid("the admin account cannot be deleted"));
        }
        self.kernel.cascade().delete(Account::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for Identity {
    async fn affected(&self, _: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Accounts hang on nothing.
        Ok(vec![])
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        self.sessions.remove_accounts(work.uuids).await
    }
}
