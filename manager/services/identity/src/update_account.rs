//! `UpdateAccount`: an account changes itself, the admin changes any (the check of the call sees to that). A new password ends the account's other sessions,
//! since whoever has them may be why it was changed.

use async_trait::async_trait;
use cumulo_contracts::{api::identity::UpdateAccount, resource::Account};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::{Identity, create_account::name_taken};

#[async_trait]
impl HandleApi<UpdateAccount> for Identity {
    async fn handle(&self, cx: &ApiCx, api: UpdateAccount) -> Result<Inventory<Account>, ErrorCode> {
        if api.uuid == Uuid::ADMIN && api.name.is_some() {
            return Err(ErrorCode::operation("the name of the admin account cannot be changed"));
        }
        let hash = match &api.password {
            Some(password) => {
                self.check_old_password(&api, password).await?;
                Some(self.passwords.hash(password.clone()).await?)
            }
            None => None,
        };
        match self.store.update_account(&api, hash.as_ref()).await {
            Err(DbError::Conflict { .. }) => return Err(name_taken(api.name.as_deref().unwrap_or_default())),
            updated => updated?,
        }
        if hash.is_some() {
            self.sessions.end_all_of(api.uuid, cx.caller.session).await?;
        }
        cx.inventory::<Account>(&api.uuid).await
    }
}

impl Identity {
    /// The old password, where the client gives it, must be right. The new one counts as well: then this very call was
    /// made before, and only its answer was lost.
    async fn check_old_password(&self, api: &UpdateAccount, new: &str) -> Result<(), ErrorCode> {
        let Some(old) = &api.old_password else { return Ok(()) };
        let account = self.store.account(api.uuid).await?.ok_or_else(|| ErrorCode::not_found("Account", api.uuid))?;
        for password in [old.clone(), new.to_owned()] {
            if self.passwords.verify(password, Some(account.password.clone())).await? {
                return Ok(());
            }
        }
        let details = format!("the old password is not that of account {}, so its password stays as it is", api.uuid);
        Err(ErrorCode::operation(details))
    }
}
