//! `LogInByAccount`.

use async_trait::async_trait;
use cumulo_contracts::{api::identity::LogInByAccount, resource::Session};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::Identity;

#[async_trait]
impl HandleApi<LogInByAccount> for Identity {
    async fn handle(&self, cx: &ApiCx, api: LogInByAccount) -> Result<Inventory<Session>, ErrorCode> {
        let account = self.store.account_called(&api.account_name).await?;
        let stored = account.as_ref().map(|account| account.password.clone());
        let matches = self.passwords.verify(api.password, stored).await?;
        match account.filter(|_| matches) {
            Some(account) => {
                let session = self.sessions.open(account.uuid, &cx.client_ip).await?;
                cx.inventory::<Session>(&session).await
            }
            None => {
                tracing::warn!(client = cx.client_ip, "a login was refused");
                // Does not say which of the two was wrong.
                Err(ErrorCode::new(codes::AUTHENTICATION, "wrong account name or password"))
            }
        }
    }
}
