//! `LogInByAccount` and `LogIn`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::identity::{LogIn, LogInByAccount},
    resource::Session,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::Identity;

/// The kind of names and passwords that there are.
const ACCOUNT: &str = "account";

#[async_trait]
impl HandleApi<LogInByAccount> for Identity {
    async fn handle(&self, cx: &ApiCx, api: LogInByAccount) -> Result<Inventory<Session>, ErrorCode> {
        self.log_in(cx, &api.account_name, api.password).await
    }
}

#[async_trait]
impl HandleApi<LogIn> for Identity {
    async fn handle(&self, cx: &ApiCx, api: LogIn) -> Result<Inventory<Session>, ErrorCode> {
        match api.login_type.as_str() {
            ACCOUNT => self.log_in(cx, &api.username, api.password).await,
            _ => Err(ErrorCode::invalid(format!("field[loginType] must be '{ACCOUNT}': only accounts log in here"))),
        }
    }
}

impl Identity {
    async fn log_in(&self, cx: &ApiCx, name: &str, password: String) -> Result<Inventory<Session>, ErrorCode> {
        let account = self.store.account_called(name).await?;
        let stored = account.as_ref().map(|account| account.password.clone());
        let matches = self.passwords.verify(password, stored).await?;
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
