//! `CreateAccount`, by the admin.

use async_trait::async_trait;
use cumulo_contracts::{api::identity::CreateAccount, resource::Account};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
    quota,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::Identity;

/// What an account is unless said otherwise.
const NORMAL: &str = "Normal";

#[async_trait]
impl HandleApi<CreateAccount> for Identity {
    async fn handle(&self, cx: &ApiCx, api: CreateAccount) -> Result<Inventory<Account>, ErrorCode> {
        if !cx.caller.is_admin() {
            return Err(ErrorCode::new(codes::PERMISSION_DENIED, "only the admin account may create accounts"));
        }
        let now = cx.now();
        let account = Account {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            r#type: api.r#type.unwrap_or_else(|| NORMAL.to_owned()),
            password: self.passwords.hash(api.password).await?,
            create_date: now,
            last_op_date: now,
        };
        let mut batch = self.store.batch();
        quota::created(&self.kernel, &mut batch, account.uuid)?;
        match self.store.insert_account(&account, Some(cx), batch).await {
            Err(DbError::Conflict { .. }) => self.made_before(&account).await?,
            inserted => inserted?,
        }
        cx.inventory::<Account>(&account.uuid).await
    }
}

impl Identity {
    /// Id or name is taken: by this very call, run again after a crash, or by another account.
    async fn made_before(&self, account: &Account) -> Result<(), ErrorCode> {
        match self.store.account(account.uuid).await? {
            Some(there) if there.name == account.name => Ok(()),
            Some(_) => {
                let details = format!("account {} exists already; choose another resourceUuid", account.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
            None => Err(name_taken(&account.name)),
        }
    }
}

/// Two accounts cannot have one name.
pub(crate) fn name_taken(name: &str) -> ErrorCode {
    ErrorCode::operation(format!("an account is called '{name}' already; choose another name"))
}
